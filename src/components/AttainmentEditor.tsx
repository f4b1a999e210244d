import React from 'react';
import { t } from '@grafana/i18n';
import { Combobox, MultiCombobox, Stack } from '@grafana/ui';

import { describeSloFigure } from '../describe';
import { defaults, SloSpec, sloFigures } from '../queryTypes';
import { CommittedInput } from './CommittedInput';
import { FormPicker } from './FormPicker';
import { GroupByPicker } from './GroupByPicker';
import { NamedField } from './NamedField';
import { KindEditorProps } from './kindEditor';

/** Which figures of how limits were kept, of what, against which target. A number compares one figure. */
export function AttainmentEditor({ id, spec, onChange, alerting }: KindEditorProps<SloSpec>) {
  const { metrics = [], groupBy, target, form } = spec;
  const single = alerting || form === 'numeric';
  const options = sloFigures.map((figure) => ({
    value: figure.name,
    label: figure.name,
    description: describeSloFigure(figure),
    group: figure.requests
      ? t('attainment.of-requests', 'Of the requests, all limits jointly')
      : t('attainment.of-buckets', 'Of histogram buckets, one limit at a time'),
  }));
  const changeForm = (changed: SloSpec['form']) =>
    onChange({
      ...spec,
      form: changed,
      metrics: changed === 'numeric' ? [metrics[0] ?? sloFigures[0].name] : spec.metrics,
    });

  return (
    <Stack gap={1} wrap="wrap">
      <NamedField
        label={t('attainment.figures', 'Figures')}
        htmlFor={`${id}-figures`}
        invalid={single && metrics.length !== 1}
        error={t('attainment.one-figure', 'One number is compared: choose one figure')}
      >
        {single ? (
          <Combobox
            id={`${id}-figures`}
            options={options}
            value={metrics[0] ?? null}
            onChange={({ value }) => onChange({ ...spec, metrics: [value] })}
            width={32}
          />
        ) : (
          <MultiCombobox
            id={`${id}-figures`}
            options={options}
            value={metrics}
            onChange={(chosen) => onChange({ ...spec, metrics: listOf(chosen.map(({ value }) => value)) })}
            isClearable
            placeholder={t('attainment.all', 'all')}
            width="auto"
            minWidth={24}
            maxWidth={64}
          />
        )}
      </NamedField>
      <NamedField label={t('attainment.group-by', 'By')} htmlFor={`${id}-group-by`}>
        <GroupByPicker id={`${id}-group-by`} groupBy={groupBy} onChange={(groupBy) => onChange({ ...spec, groupBy })} />
      </NamedField>
      <NamedField
        label={t('attainment.target', 'Target')}
        htmlFor={`${id}-target`}
        tooltip={t(
          'attainment.target-tooltip',
          'The share of requests that shall keep their limits: what error budget and burn rate are held against. The limits themselves are in the settings of the data source'
        )}
      >
        <CommittedInput
          id={`${id}-target`}
          value={target === undefined ? '' : percent(target)}
          onCommit={(text) => onChange({ ...spec, target: parseShare(text) })}
          placeholder={percent(defaults.target)}
          width={12}
        />
      </NamedField>
      <FormPicker id={`${id}-form`} form={form} onChange={changeForm} alerting={alerting} />
    </Stack>
  );
}

function listOf<Value>(values: Value[]): Value[] | undefined {
  return values.length ? values : undefined;
}

/** Writes a share as people say it: 0.999 is 99.9 %. */
export function percent(share: number): string {
  return `${Number((share * 100).toPrecision(10))} %`;
}

/** Reads 99.9 %, 99.9 and 0.999 alike; what is no share is the default. */
export function parseShare(text: string): number | undefined {
  const [, amount, sign] = /^\s*(\d*\.?\d+)\s*(%?)\s*$/.exec(text) ?? [];
  const value = Number(amount);
  const share = value < 1 && !sign ? value : Number((value / 100).toPrecision(10));
  return share > 0 && share < 1 ? share : undefined;
}

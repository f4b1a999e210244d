import React from 'react';
import { t } from '@grafana/i18n';
import { Combobox, MultiCombobox, Stack } from '@grafana/ui';

import { describeFigure } from '../describe';
import { figures, hasQuantiles, ModelsSpec, quantiles as defaultQuantiles } from '../queryTypes';
import { FormPicker } from './FormPicker';
import { GroupByPicker } from './GroupByPicker';
import { NamedField } from './NamedField';
import { TypedValues } from './TypedValues';
import { KindEditorProps } from './kindEditor';

/** Which key figures, of what, in which shape. A number compares one figure, so there only one can be chosen. */
export function ModelsEditor({ id, spec, onChange, alerting }: KindEditorProps<ModelsSpec>) {
  const { metrics = [], groupBy, quantiles = [], form } = spec;
  const single = alerting || form === 'numeric';
  const withQuantiles = metrics.length === 0 || metrics.some(hasQuantiles);
  const figureOptions = figures.map((figure) => ({
    value: figure.name,
    label: figure.name,
    description: describeFigure(figure),
  }));

  const changeMetric = (metric: string) =>
    onChange({ ...spec, metrics: [metric], quantiles: hasQuantiles(metric) ? [quantiles[0] ?? 0.99] : undefined });

  const changeForm = (changed: ModelsSpec['form']) => {
    if (changed !== 'numeric') {
      onChange({ ...spec, form: changed });
      return;
    }
    const metric = metrics[0] ?? 'ttft';
    onChange({
      ...spec,
      form: changed,
      metrics: [metric],
      quantiles: hasQuantiles(metric) ? [quantiles[0] ?? 0.99] : undefined,
    });
  };

  return (
    <Stack gap={1} wrap="wrap">
      <NamedField
        label={t('models.figures', 'Figures')}
        htmlFor={`${id}-figures`}
        invalid={single && metrics.length !== 1}
        error={t('models.one-figure', 'One number is compared: choose one figure')}
      >
        {single ? (
          <Combobox
            id={`${id}-figures`}
            options={figureOptions}
            value={metrics[0] ?? null}
            onChange={({ value }) => changeMetric(value)}
            width={32}
          />
        ) : (
          <MultiCombobox
            id={`${id}-figures`}
            options={figureOptions}
            value={metrics}
            onChange={(chosen) => onChange({ ...spec, metrics: listOf(chosen.map(({ value }) => value)) })}
            isClearable
            placeholder={t('models.all', 'all')}
            width="auto"
            minWidth={24}
            maxWidth={64}
          />
        )}
      </NamedField>
      {withQuantiles && (
        <NamedField
          label={t('models.quantiles', 'Quantiles')}
          htmlFor={`${id}-quantiles`}
          tooltip={t('models.quantiles-tooltip', 'Of figures that are latencies; type your own, such as p99.9')}
        >
          {single ? (
            <Combobox
              id={`${id}-quantiles`}
              options={quantileOptions(quantiles)}
              value={quantiles[0] === undefined ? null : percentile(quantiles[0])}
              onChange={({ value }) => onChange({ ...spec, quantiles: parseQuantiles([value]) })}
              createCustomValue
              width={12}
            />
          ) : (
            <TypedValues
              id={`${id}-quantiles`}
              options={quantileOptions(quantiles)}
              values={quantiles.map(percentile)}
              onChange={(chosen) => onChange({ ...spec, quantiles: parseQuantiles(chosen) })}
              placeholder={defaultQuantiles.map(percentile).join(', ')}
              minWidth={20}
            />
          )}
        </NamedField>
      )}
      <NamedField label={t('models.group-by', 'By')} htmlFor={`${id}-group-by`}>
        <GroupByPicker id={`${id}-group-by`} groupBy={groupBy} onChange={(groupBy) => onChange({ ...spec, groupBy })} />
      </NamedField>
      <FormPicker id={`${id}-form`} form={form} onChange={changeForm} alerting={alerting} />
    </Stack>
  );
}

function listOf<Value>(values: Value[]): Value[] | undefined {
  return values.length ? values : undefined;
}

/** Writes a quantile as people say it: 0.999 is p99.9. */
export function percentile(quantile: number): string {
  return `p${Number((quantile * 100).toPrecision(10))}`;
}

/** Reads p99, 99 and 0.99 alike; what is no quantile is left out. */
export function parseQuantiles(texts: string[]): number[] | undefined {
  const found = texts.flatMap((text) => {
    const [, amount] = /^\s*p?(\d*\.?\d+)\s*$/i.exec(text) ?? [];
    const value = Number(amount);
    const quantile = value < 1 ? value : Number((value / 100).toPrecision(10));
    return quantile > 0 && quantile < 1 ? [quantile] : [];
  });
  return listOf([...new Set(found)].sort((a, b) => a - b));
}

function quantileOptions(chosen: number[]) {
  const all = [...new Set([...defaultQuantiles, ...chosen])].sort((a, b) => a - b);
  return all.map((quantile) => ({ value: percentile(quantile), label: percentile(quantile) }));
}

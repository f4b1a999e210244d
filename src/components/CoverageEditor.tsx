import React from 'react';
import { t } from '@grafana/i18n';
import { Combobox, InlineField, Stack } from '@grafana/ui';

import { describeCoverage } from '../describe';
import { coverageMetrics, CoverageSpec } from '../queryTypes';
import { FormPicker } from './FormPicker';
import { KindEditorProps } from './kindEditor';

/** Which number of the join report. */
export function CoverageEditor({ id, spec, onChange, alerting }: KindEditorProps<CoverageSpec>) {
  const { metric, form } = spec;
  const single = alerting || form === 'numeric';
  const options = coverageMetrics.map((metric) => ({
    value: metric.name,
    label: metric.name,
    description: describeCoverage(metric),
  }));
  const label = t('coverage.metric', 'Number');
  return (
    <Stack gap={1} wrap="wrap">
      <InlineField label={label} htmlFor={`${id}-metric`} invalid={single && !metric}>
        {single ? (
          <Combobox
            id={`${id}-metric`}
            options={options}
            value={metric ?? null}
            onChange={({ value }) => onChange({ ...spec, metric: value })}
            width={32}
          />
        ) : (
          <Combobox
            id={`${id}-metric`}
            options={options}
            value={metric ?? null}
            onChange={(chosen) => onChange({ ...spec, metric: chosen?.value })}
            placeholder={t('coverage.all', 'all')}
            isClearable
            width={32}
          />
        )}
      </InlineField>
      <FormPicker
        id={`${id}-form`}
        form={form}
        onChange={(changed) =>
          onChange({ form: changed, metric: changed === 'numeric' ? metric || coverageMetrics[0].name : metric })
        }
        alerting={alerting}
      />
    </Stack>
  );
}

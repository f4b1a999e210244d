import React, { lazy, Suspense, useState } from 'react';
import { t } from '@grafana/i18n';
import { getTemplateSrv } from '@grafana/runtime';
import { ErrorBoundary, FieldValidationMessage, InlineField, RadioButtonGroup, Stack } from '@grafana/ui';

import { parseStep } from '../duration';
import { autoLegend, limits, metricPrefix, PromQLFormat, PromQLSpec } from '../queryTypes';
import { examples } from '../untranslated';
import { CommittedInput } from './CommittedInput';
import { CommittedTextArea } from './CommittedTextArea';
import { KindEditorProps } from './kindEditor';
import { OptionsGroup } from './OptionsGroup';
import type { Props as CodeProps } from './promql/PromQLCode';
import { messageOf } from './useLiveOptions';

const PromQLCode = lazy(() => import(/* webpackChunkName: "promql" */ './promql/PromQLCode'));

/** Any PromQL, sent as it stands. */
export function PromQLEditor({ id, spec, onChange, onRun, lists, range }: KindEditorProps<PromQLSpec>) {
  const { expr, instant, legend, minStep, format = '' } = spec;
  const [mistake, setMistake] = useState<string>();
  const [problem, setProblem] = useState<string>();
  const validStep = !minStep || minStep.includes('$') || parseStep(minStep) !== undefined;
  const code: CodeProps = {
    id: `${id}-expr`,
    label: t('promql.expr', 'PromQL expression'),
    placeholder: t('promql.placeholder', 'PromQL, such as sum by (model_name) ({{metric}})', {
      metric: `${metricPrefix}num_requests_waiting`,
      interpolation: { escapeValue: false },
    }),
    value: expr,
    onCommit: (text) => onChange({ ...spec, expr: text }),
    onRun,
    onMistake: setMistake,
    completion: {
      lists,
      ask: () => ({ range }),
      variables: () =>
        getTemplateSrv()
          .getVariables()
          .map(({ name }) => name),
      onProblem: (error) => setProblem(messageOf(error)),
    },
  };
  return (
    <Stack direction="column" gap={1}>
      <div>
        <CodeField {...code} />
        {expr.length > limits.promqlLength && (
          <FieldValidationMessage>{t('promql.too-long', 'The expression is too long')}</FieldValidationMessage>
        )}
        {mistake && <FieldValidationMessage>{mistake}</FieldValidationMessage>}
        {problem && (
          <FieldValidationMessage>
            {t('promql.no-completion', 'Names cannot be completed: {{problem}}', { problem })}
          </FieldValidationMessage>
        )}
      </div>
      <OptionsGroup id={id} summary={summary(spec)}>
        <InlineField
          label={t('promql.legend', 'Legend')}
          htmlFor={`${id}-legend`}
          tooltip={t(
            'promql.legend-tooltip',
            'The name of a label in double braces is replaced by its value; __auto names each series by the labels that differ'
          )}
        >
          <CommittedInput
            id={`${id}-legend`}
            value={legend}
            placeholder={examples.legend}
            maxLength={limits.valueLength}
            onCommit={(text) => onChange({ ...spec, legend: text || undefined })}
            width={32}
          />
        </InlineField>
        <RadioButtonGroup
          id={`${id}-instant`}
          aria-label={t('promql.type', 'Type')}
          options={[
            {
              label: t('promql.range', 'Range'),
              value: false,
              description: t('promql.range-tooltip', 'A series over the range'),
            },
            {
              label: t('promql.instant', 'Instant'),
              value: true,
              description: t('promql.instant-tooltip', 'One value per series, at the end of the range'),
            },
          ]}
          value={Boolean(instant)}
          onChange={(value) => onChange({ ...spec, instant: value || undefined })}
        />
        {!instant && (
          <RadioButtonGroup<PromQLFormat>
            id={`${id}-format`}
            aria-label={t('promql.format', 'Format')}
            options={[
              { label: t('promql.format-series', 'Time series'), value: '' },
              { label: t('promql.format-table', 'Table'), value: 'table' },
              {
                label: t('promql.format-heatmap', 'Heatmap'),
                value: 'heatmap',
                description: t('promql.format-heatmap-tooltip', 'Buckets of a histogram, in the order of their bounds'),
              },
            ]}
            value={format}
            onChange={(value) => onChange({ ...spec, format: value || undefined })}
          />
        )}
        {!instant && (
          <InlineField
            label={t('promql.min-step', 'Min step')}
            htmlFor={`${id}-min-step`}
            tooltip={t('promql.min-step-tooltip', 'Points lie at least this far apart, such as 15s or 1d')}
            invalid={!validStep}
            error={t('promql.min-step-invalid', 'A duration such as 15s')}
          >
            <CommittedInput
              id={`${id}-min-step`}
              value={minStep}
              placeholder={examples.step}
              onCommit={(text) => onChange({ ...spec, minStep: text.trim() || undefined })}
              width={12}
            />
          </InlineField>
        )}
      </OptionsGroup>
    </Stack>
  );
}

/** The editor for code once it is loaded; where it cannot be, a plain field does its work. */
function CodeField(code: CodeProps) {
  const plain = {
    id: code.id,
    'aria-label': code.label,
    placeholder: code.placeholder,
    value: code.value,
    onCommit: code.onCommit,
    onRun: code.onRun,
  };
  return (
    <ErrorBoundary>
      {({ error }) =>
        error ? (
          <CommittedTextArea {...plain} />
        ) : (
          // What is typed while the editor loads would be lost with the field that it was typed into.
          <Suspense fallback={<CommittedTextArea {...plain} readOnly aria-busy />}>
            <PromQLCode {...code} />
          </Suspense>
        )
      }
    </ErrorBoundary>
  );
}

function summary({ legend, instant, minStep }: PromQLSpec): string[] {
  return [
    t('promql.summary-legend', 'Legend: {{legend}}', {
      legend: (legend !== autoLegend && legend) || t('promql.auto', 'auto'),
      interpolation: { escapeValue: false },
    }),
    t('promql.summary-type', 'Type: {{type}}', {
      type: instant ? t('promql.instant', 'Instant') : t('promql.range', 'Range'),
    }),
    ...(instant ? [] : [t('promql.summary-step', 'Min step: {{step}}', { step: minStep || t('promql.auto', 'auto') })]),
  ];
}

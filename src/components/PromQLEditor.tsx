import React from 'react';
import { t } from '@grafana/i18n';
import { CodeEditor, InlineField, RadioButtonGroup, Stack } from '@grafana/ui';

import { parseDuration } from '../duration';
import { PromQLSpec } from '../queryTypes';
import { examples } from '../untranslated';
import { CommittedInput } from './CommittedInput';
import { KindEditorProps } from './kindEditor';

/** Any PromQL, sent as it stands. */
export function PromQLEditor({ id, spec, onChange }: KindEditorProps<PromQLSpec>) {
  const { expr, instant, legend, minStep } = spec;
  const validStep = !minStep || minStep.includes('$') || parseDuration(minStep) !== undefined;
  const commit = (text: string) => {
    if (text !== expr) {
      onChange({ ...spec, expr: text });
    }
  };
  return (
    <Stack direction="column" gap={1}>
      <CodeEditor
        value={expr}
        language="promql"
        height={72}
        wordWrap
        showMiniMap={false}
        showLineNumbers={false}
        monacoOptions={{ ariaLabel: t('promql.expr', 'PromQL expression'), folding: false, lineNumbers: 'off' }}
        onBlur={commit}
        onSave={commit}
      />
      <Stack gap={1} wrap="wrap">
        <InlineField
          label={t('promql.legend', 'Legend')}
          htmlFor={`${id}-legend`}
          tooltip={t('promql.legend-tooltip', 'The name of a label in double braces is replaced by its value')}
        >
          <CommittedInput
            id={`${id}-legend`}
            value={legend}
            placeholder={examples.legend}
            onCommit={(text) => onChange({ ...spec, legend: text || undefined })}
            width={32}
          />
        </InlineField>
        <RadioButtonGroup
          id={`${id}-instant`}
          aria-label={t('promql.type', 'Type')}
          options={[
            { label: t('promql.range', 'Range'), value: false },
            { label: t('promql.instant', 'Instant'), value: true },
          ]}
          value={Boolean(instant)}
          onChange={(value) => onChange({ ...spec, instant: value || undefined })}
        />
        {!instant && (
          <InlineField
            label={t('promql.min-step', 'Min step')}
            htmlFor={`${id}-min-step`}
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
      </Stack>
    </Stack>
  );
}

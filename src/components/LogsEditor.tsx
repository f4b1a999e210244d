import React from 'react';
import { t } from '@grafana/i18n';
import { InlineField, InlineSwitch, MultiCombobox, RadioButtonGroup, Stack } from '@grafana/ui';

import { Condition, defaults, limits, logLevels, LogsSpec } from '../queryTypes';
import { Conditions } from './Conditions';
import { CommittedInput } from './CommittedInput';
import { KindEditorProps, wholeNumber } from './kindEditor';

/** Which of vLLM's log lines. */
export function LogsEditor({ id, spec, onChange }: KindEditorProps<LogsSpec>) {
  const text = (field: 'contains' | 'regex' | 'requestId' | 'process' | 'logger') => ({
    id: `${id}-${field}`,
    value: spec[field],
    maxLength: limits.valueLength,
    onCommit: (value: string) => onChange({ ...spec, [field]: value || undefined }),
  });
  return (
    <Stack gap={1} wrap="wrap">
      <InlineField label={t('logs.levels', 'Levels')} htmlFor={`${id}-levels`}>
        <MultiCombobox
          id={`${id}-levels`}
          options={logLevels.map((value) => ({ value, label: value }))}
          value={spec.levels ?? []}
          onChange={(chosen) =>
            onChange({ ...spec, levels: chosen.length ? chosen.map(({ value }) => value) : undefined })
          }
          isClearable
          placeholder={t('logs.all-levels', 'all')}
          width="auto"
          minWidth={16}
          maxWidth={48}
        />
      </InlineField>
      <InlineField label={t('logs.contains', 'Contains')} htmlFor={`${id}-contains`}>
        <CommittedInput {...text('contains')} width={32} />
      </InlineField>
      <InlineField
        label={t('logs.regex', 'Matches')}
        htmlFor={`${id}-regex`}
        tooltip={t('logs.regex-tooltip', 'A regular expression (RE2) that some part of the line matches')}
      >
        <CommittedInput {...text('regex')} width={32} />
      </InlineField>
      <InlineField
        label={t('logs.request-id', 'Request id')}
        htmlFor={`${id}-requestId`}
        tooltip={t('logs.request-id-tooltip', 'Lines that carry this id, in whichever way vLLM spells it')}
      >
        <CommittedInput {...text('requestId')} width={32} />
      </InlineField>
      <InlineField
        label={t('logs.process', 'Process')}
        htmlFor={`${id}-process`}
        tooltip={t('logs.process-tooltip', 'The process that wrote the line, such as APIServer or EngineCore_DP0')}
      >
        <CommittedInput {...text('process')} width={20} />
      </InlineField>
      <InlineField
        label={t('logs.logger', 'Logger')}
        htmlFor={`${id}-logger`}
        tooltip={t('logs.logger-tooltip', 'The source file that wrote the line, such as async_llm.py')}
      >
        <CommittedInput {...text('logger')} width={20} />
      </InlineField>
      <Conditions
        label={t('logs.where', 'Lines where')}
        conditions={spec.where}
        onChange={(where) => onChange({ ...spec, where })}
      />
      <Conditions
        label={t('logs.stream', 'Stream')}
        conditions={streamConditions(spec)}
        onChange={(labels) => onChange({ ...spec, stream: streamOf(labels) })}
      />
      <InlineField
        label={t('logs.volume', 'Volume')}
        htmlFor={`${id}-volume`}
        tooltip={t('logs.volume-tooltip', 'Count lines by level over time instead of showing them')}
      >
        <InlineSwitch
          id={`${id}-volume`}
          value={Boolean(spec.volume)}
          onChange={(event) => onChange({ ...spec, volume: event.currentTarget.checked || undefined })}
        />
      </InlineField>
      {!spec.volume && (
        <>
          <RadioButtonGroup
            id={`${id}-order`}
            aria-label={t('logs.order', 'Order')}
            options={[
              { label: t('logs.newest', 'Newest first'), value: false },
              { label: t('logs.oldest', 'Oldest first'), value: true },
            ]}
            value={Boolean(spec.oldest)}
            onChange={(oldest) => onChange({ ...spec, oldest: oldest || undefined })}
          />
          <InlineField label={t('logs.limit', 'Limit')} htmlFor={`${id}-limit`}>
            <CommittedInput
              id={`${id}-limit`}
              type="number"
              min={1}
              value={spec.limit?.toString()}
              placeholder={defaults.lines.toString()}
              onCommit={(value) => onChange({ ...spec, limit: wholeNumber(value) })}
              width={12}
            />
          </InlineField>
          <InlineField
            label={t('live.label', 'Live')}
            htmlFor={`${id}-live`}
            tooltip={t('live.logs-tooltip', 'Show lines as they come, without refreshing. The range must end now.')}
          >
            <InlineSwitch
              id={`${id}-live`}
              value={Boolean(spec.live)}
              onChange={(event) => onChange({ ...spec, live: event.currentTarget.checked || undefined })}
            />
          </InlineField>
        </>
      )}
    </Stack>
  );
}

/** The labels of the stream that the query keeps to, which is how the context of a line opens. */
function streamConditions({ stream = {} }: LogsSpec): Condition[] {
  return Object.entries(stream).map(([key, value]) => ({ key, op: '=', values: [value] }));
}

function streamOf(labels: Condition[] | undefined): LogsSpec['stream'] {
  return labels && Object.fromEntries(labels.map(({ key, values }) => [key, values[0]]));
}

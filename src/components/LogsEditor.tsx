import React from 'react';
import { t } from '@grafana/i18n';
import { InlineField, InlineSwitch, MultiCombobox, RadioButtonGroup, Stack } from '@grafana/ui';

import { LogWriters } from '../lists/lists';
import { Condition, defaults, limits, logLevels, LogsSpec } from '../queryTypes';
import { examples } from '../untranslated';
import { CommittedInput } from './CommittedInput';
import { Conditions } from './Conditions';
import { NamedField } from './NamedField';
import { KindEditorProps, wholeNumber } from './kindEditor';
import { LiveCombobox } from './LiveCombobox';
import { OptionsGroup } from './OptionsGroup';
import { RequestPicker } from './RequestPicker';

/** Which of vLLM's log lines. */
export function LogsEditor({ id, spec, onChange, ...source }: KindEditorProps<LogsSpec>) {
  const { lists, range, scope } = source;
  const field = (name: 'contains' | 'regex' | 'requestId' | 'process' | 'logger') => ({
    id: `${id}-${name}`,
    value: spec[name],
    onChange: (value: string) => onChange({ ...spec, [name]: value || undefined }),
  });
  const text = (name: 'contains' | 'regex') => {
    const { onChange: onCommit, ...rest } = field(name);
    return { ...rest, onCommit, maxLength: limits.valueLength };
  };
  const writers = (of: keyof LogWriters) => async (signal: AbortSignal) => {
    const found = await lists.logWriters({ range, scope, signal });
    return found[of].map((value) => ({ value, label: value }));
  };
  return (
    <Stack direction="column" gap={1}>
      <Stack gap={1} wrap="wrap">
        <NamedField label={t('logs.levels', 'Levels')} htmlFor={`${id}-levels`}>
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
        </NamedField>
        <InlineField label={t('logs.contains', 'Contains')} htmlFor={`${id}-contains`}>
          <CommittedInput {...text('contains')} placeholder={examples.words} width={32} />
        </InlineField>
        <InlineField
          label={t('logs.request-id', 'Request id')}
          htmlFor={`${id}-requestId`}
          tooltip={t('logs.request-id-tooltip', 'Lines that carry this id, in whichever way vLLM spells it')}
        >
          <RequestPicker {...source} {...field('requestId')} by="request" placeholder={examples.requestId} width={36} />
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
      </Stack>
      <OptionsGroup id={id} summary={summary(spec)}>
        <InlineField
          label={t('logs.regex', 'Matches')}
          htmlFor={`${id}-regex`}
          tooltip={t('logs.regex-tooltip', 'A regular expression (RE2) that some part of the line matches')}
        >
          <CommittedInput {...text('regex')} placeholder={examples.pattern} width={32} />
        </InlineField>
        <InlineField
          label={t('logs.process', 'Process')}
          htmlFor={`${id}-process`}
          tooltip={t('logs.process-tooltip', 'The process that wrote the line, such as APIServer or EngineCore_DP0')}
        >
          <LiveCombobox {...field('process')} find={writers('processes')} placeholder={examples.process} width={24} />
        </InlineField>
        <InlineField
          label={t('logs.logger', 'Logger')}
          htmlFor={`${id}-logger`}
          tooltip={t('logs.logger-tooltip', 'The source file that wrote the line, such as async_llm.py')}
        >
          <LiveCombobox {...field('logger')} find={writers('loggers')} placeholder={examples.logger} width={24} />
        </InlineField>
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
          </>
        )}
      </OptionsGroup>
    </Stack>
  );
}

function summary({ regex, process, logger, volume, oldest, limit }: LogsSpec): string[] {
  const literally = { interpolation: { escapeValue: false } };
  const set = [
    regex && t('logs.summary-regex', 'Matches: {{regex}}', { regex, ...literally }),
    process && t('logs.summary-process', 'Process: {{process}}', { process, ...literally }),
    logger && t('logs.summary-logger', 'Logger: {{logger}}', { logger, ...literally }),
  ].filter((text): text is string => Boolean(text));
  if (volume) {
    return [...set, t('logs.summary-volume', 'Volume by level')];
  }
  const order = oldest ? t('logs.oldest', 'Oldest first') : t('logs.newest', 'Newest first');
  return [...set, order, t('logs.summary-limit', 'Limit: {{limit}}', { limit: limit ?? defaults.lines })];
}

/** The labels of the stream that the query keeps to, which is how the context of a line opens. */
function streamConditions({ stream = {} }: LogsSpec): Condition[] {
  return Object.entries(stream).map(([key, value]) => ({ key, op: '=', values: [value] }));
}

function streamOf(labels: Condition[] | undefined): LogsSpec['stream'] {
  return labels && Object.fromEntries(labels.map(({ key, values }) => [key, values[0]]));
}

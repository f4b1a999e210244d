import React from 'react';
import { t } from '@grafana/i18n';
import { InlineField, MultiCombobox, Stack } from '@grafana/ui';

import { describeEvent } from '../describe';
import { AnnotationsSpec, defaults, engineEvents, limits } from '../queryTypes';
import { CommittedInput } from './CommittedInput';
import { NamedField } from './NamedField';
import { KindEditorProps, wholeNumber } from './kindEditor';

/** Which events of the engines' lives. */
export function AnnotationsEditor({ id, spec, onChange }: KindEditorProps<AnnotationsSpec>) {
  return (
    <Stack gap={1} wrap="wrap">
      <NamedField
        label={t('annotations.events', 'Events')}
        htmlFor={`${id}-events`}
        tooltip={t('annotations.events-tooltip', 'What happened to engines, as metrics and log lines tell it')}
      >
        <MultiCombobox
          id={`${id}-events`}
          options={engineEvents.map((event) => ({
            value: event.name,
            label: event.name,
            description: `${event.severity}: ${describeEvent(event)}`,
          }))}
          value={spec.events ?? []}
          onChange={(chosen) =>
            onChange({ ...spec, events: chosen.length ? chosen.map(({ value }) => value) : undefined })
          }
          isClearable
          placeholder={t('annotations.all-events', 'all')}
          width="auto"
          minWidth={32}
          maxWidth={96}
        />
      </NamedField>
      <InlineField
        label={t('annotations.limit', 'Limit')}
        htmlFor={`${id}-limit`}
        tooltip={t('annotations.limit-tooltip', 'Of more events, the worst are kept, and the newest of those')}
      >
        <CommittedInput
          id={`${id}-limit`}
          type="number"
          min={1}
          max={limits.events}
          value={spec.limit?.toString()}
          placeholder={defaults.events.toString()}
          onCommit={(value) => onChange({ ...spec, limit: wholeNumber(value) })}
          width={12}
        />
      </InlineField>
    </Stack>
  );
}

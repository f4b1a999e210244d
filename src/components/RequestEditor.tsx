import React from 'react';
import { t } from '@grafana/i18n';
import { InlineField, MultiCombobox, Stack } from '@grafana/ui';

import { limits, parts, RequestSpec } from '../queryTypes';
import { examples } from '../untranslated';
import { CommittedInput } from './CommittedInput';
import { KindEditorProps } from './kindEditor';

/** Which request: any of the ids that it has. */
export function RequestEditor({ id, spec, onChange }: KindEditorProps<RequestSpec>) {
  return (
    <Stack gap={1} wrap="wrap">
      <InlineField
        label={t('request.id', 'Id')}
        htmlFor={`${id}-id`}
        tooltip={t('request.id-tooltip', "vLLM's request id, the X-Request-Id that the client sent, or a trace id")}
        grow
      >
        <CommittedInput
          id={`${id}-id`}
          value={spec.id}
          placeholder={examples.requestId}
          maxLength={limits.requestIdLength}
          onCommit={(text) => onChange({ ...spec, id: text.trim() })}
        />
      </InlineField>
      <InlineField
        label={t('request.show', 'Parts')}
        htmlFor={`${id}-show`}
        tooltip={t('request.show-tooltip', 'What of the answer: a panel that draws one part need not fetch the others')}
      >
        <MultiCombobox
          id={`${id}-show`}
          options={parts.map((value) => ({ value, label: value }))}
          value={spec.show ?? []}
          onChange={(chosen) =>
            onChange({ ...spec, show: chosen.length ? chosen.map(({ value }) => value) : undefined })
          }
          isClearable
          placeholder={t('request.all', 'all')}
          width="auto"
          minWidth={16}
          maxWidth={48}
        />
      </InlineField>
    </Stack>
  );
}

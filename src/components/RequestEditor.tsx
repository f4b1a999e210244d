import React from 'react';
import { t } from '@grafana/i18n';
import { InlineField, MultiCombobox, Stack } from '@grafana/ui';

import { limits, Part, parts, RequestSpec } from '../queryTypes';
import { examples } from '../untranslated';
import { NamedField } from './NamedField';
import { KindEditorProps } from './kindEditor';
import { RequestPicker } from './RequestPicker';

/** Which request: any of the ids that it has. */
export function RequestEditor({ id, spec, onChange, ...source }: KindEditorProps<RequestSpec>) {
  return (
    <Stack gap={1} wrap="wrap">
      <InlineField
        label={t('request.id', 'Id')}
        htmlFor={`${id}-id`}
        tooltip={t(
          'request.id-tooltip',
          "vLLM's request id, the X-Request-Id that the client sent, or a trace id. Type or paste one, or choose among the slowest and the failed requests of the range."
        )}
        invalid={spec.id.length > limits.requestIdLength}
        error={t('request.too-long', 'No id is that long')}
      >
        <RequestPicker
          {...source}
          id={`${id}-id`}
          by="request"
          value={spec.id}
          placeholder={examples.requestId}
          onChange={(changed) => onChange({ ...spec, id: changed })}
          width={56}
        />
      </InlineField>
      <NamedField
        label={t('request.show', 'Parts')}
        htmlFor={`${id}-show`}
        tooltip={t('request.show-tooltip', 'What of the answer: a panel that draws one part need not fetch the others')}
      >
        <MultiCombobox
          id={`${id}-show`}
          options={partOptions()}
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
      </NamedField>
    </Stack>
  );
}

function partOptions() {
  const words: Record<Part, string> = {
    summary: t('request.part-summary', 'The row: model, status, tokens, latencies'),
    phases: t('request.part-phases', 'What it waited for, one after the other'),
    trace: t('request.part-trace', 'Its trace'),
    logs: t('request.part-logs', 'The lines that carry its id'),
    engine: t('request.part-engine', 'Queue, batch and KV cache around it'),
    neighbours: t('request.part-neighbours', 'Requests that shared the engine'),
  };
  return parts.map((value) => ({ value, label: value, description: words[value] }));
}

import React from 'react';
import { t } from '@grafana/i18n';
import { InlineField } from '@grafana/ui';

import { limits, RequestSpec } from '../queryTypes';
import { CommittedInput } from './CommittedInput';
import { KindEditorProps } from './kindEditor';

/** Which request: any of the ids that it has. */
export function RequestEditor({ id, spec, onChange }: KindEditorProps<RequestSpec>) {
  return (
    <InlineField
      label={t('request.id', 'Id')}
      htmlFor={`${id}-id`}
      tooltip={t('request.id-tooltip', "vLLM's request id, the X-Request-Id that the client sent, or a trace id")}
      grow
    >
      <CommittedInput
        id={`${id}-id`}
        value={spec.id}
        placeholder="chatcmpl-…"
        maxLength={limits.requestIdLength}
        onCommit={(text) => onChange({ id: text.trim() })}
      />
    </InlineField>
  );
}

import React from 'react';
import { t } from '@grafana/i18n';
import { InlineField } from '@grafana/ui';

import { TraceSpec } from '../queryTypes';
import { CommittedInput } from './CommittedInput';
import { KindEditorProps } from './kindEditor';

/** Which trace. */
export function TraceEditor({ id, spec, onChange }: KindEditorProps<TraceSpec>) {
  const { traceId } = spec;
  const valid = !traceId || traceId.includes('$') || /^[0-9a-f]{1,32}$/i.test(traceId);
  return (
    <InlineField
      label={t('trace.id', 'Trace id')}
      htmlFor={`${id}-id`}
      invalid={!valid}
      error={t('trace.invalid', 'A trace id has up to 32 hexadecimal digits')}
      grow
    >
      <CommittedInput id={`${id}-id`} value={traceId} onCommit={(text) => onChange({ traceId: text.trim() })} />
    </InlineField>
  );
}

import React from 'react';
import { t } from '@grafana/i18n';
import { InlineField } from '@grafana/ui';

import { TraceSpec } from '../queryTypes';
import { KindEditorProps } from './kindEditor';
import { RequestPicker } from './RequestPicker';

/** Which trace. */
export function TraceEditor({ id, spec, onChange, ...source }: KindEditorProps<TraceSpec>) {
  const { traceId } = spec;
  const valid = !traceId || /\$|\[\[/.test(traceId) || /^[0-9a-f]{1,32}$/i.test(traceId);
  return (
    <InlineField
      label={t('trace.id', 'Trace id')}
      htmlFor={`${id}-id`}
      tooltip={t(
        'trace.id-tooltip',
        'Type or paste one, or choose that of one of the slowest or failed requests of the range.'
      )}
      invalid={!valid}
      error={t('trace.invalid', 'A trace id has up to 32 hexadecimal digits')}
    >
      <RequestPicker
        {...source}
        id={`${id}-id`}
        by="trace"
        value={traceId}
        onChange={(text) => onChange({ traceId: text })}
        width={56}
      />
    </InlineField>
  );
}

import React from 'react';
import { dateTimeFormat } from '@grafana/data';
import { t } from '@grafana/i18n';
import { ComboboxOption } from '@grafana/ui';

import { RecentRequest } from '../lists/lists';
import { formatDuration } from '../duration';
import { KindEditorProps } from './kindEditor';
import { LiveCombobox } from './LiveCombobox';

interface Props extends Pick<KindEditorProps<unknown>, 'lists' | 'range' | 'scope'> {
  id: string;
  value: string | undefined;
  onChange: (id: string) => void;
  /** Which of a request's ids is meant: any that names it, or that of its trace. */
  by: 'request' | 'trace';
  placeholder?: string;
  width?: number;
  invalid?: boolean;
}

/** Chooses a request among the slowest and the failed ones of the range, with what tells one from another beside its id. */
export function RequestPicker({ lists, range, scope, by, ...field }: Props) {
  const find = async (signal: AbortSignal) => {
    const { slowest, failed } = await lists.recentRequests({ range, scope, signal });
    const group = (requests: RecentRequest[], name: string) =>
      requests.flatMap((request) => {
        const value = idOf(request, by);
        return value ? [{ value, label: value, description: describe(request), group: name }] : [];
      });
    return unique([
      ...group(slowest, t('request.slowest', 'Slowest')),
      ...group(failed, t('request.failed', 'Failed')),
    ]);
  };
  return <LiveCombobox {...field} find={find} />;
}

function idOf({ requestId, clientRequestId, traceId }: RecentRequest, by: Props['by']): string | undefined {
  return by === 'trace' ? traceId : requestId || clientRequestId || traceId;
}

function describe({ e2e, status, model, time }: RecentRequest): string {
  const took = e2e === undefined ? undefined : formatDuration(e2e);
  return [took, status, model, dateTimeFormat(time)].filter(Boolean).join(' · ');
}

/** Retries share an id, and a menu shows it once. */
function unique(options: ComboboxOption[]): ComboboxOption[] {
  const seen = new Set<string>();
  return options.filter(({ value }) => !seen.has(value) && seen.add(value));
}

import { SupplementaryQueryOptions, SupplementaryQueryType } from '@grafana/data';

import { VllmQuery } from '../queryTypes';

/** Explore finds the query that a volume belongs to by this beginning of its refId. */
const volumePrefix = 'log-volume-';

/** The volume of the lines that a query asks for, narrowed as they are; undefined for whatever has no lines. */
export function volumeQuery({ type }: SupplementaryQueryOptions, query: VllmQuery): VllmQuery | undefined {
  const { queryType, logs = {}, refId, hide } = query;
  if (type !== SupplementaryQueryType.LogsVolume || queryType !== 'logs' || logs.volume || logs.around || hide) {
    return undefined;
  }
  return {
    ...query,
    refId: volumePrefix + refId,
    logs: { ...logs, limit: undefined, oldest: undefined, volume: true },
  };
}

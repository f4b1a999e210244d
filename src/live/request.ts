import { DataQueryRequest } from '@grafana/data';

import { VllmQuery } from '../queryTypes';

/**
 * The request with each of its queries asking for a stream or not: in Explore's live mode all that can have one, elsewhere
 * those that say so, as long as the range ends now.
 */
export function withLive(request: DataQueryRequest<VllmQuery>): DataQueryRequest<VllmQuery> {
  const everything = Boolean(request.liveStreaming);
  const endsNow = everything || request.range?.raw.to === 'now';
  const targets = request.targets.map((query) => {
    const { queryType = 'requests', requests, logs } = query;
    if (queryType === 'requests' && (everything || requests?.live)) {
      return { ...query, requests: { ...requests, live: endsNow } };
    }
    if (queryType === 'logs' && (everything || logs?.live)) {
      return { ...query, logs: { ...logs, live: endsNow } };
    }
    return query;
  });
  return { ...request, targets };
}

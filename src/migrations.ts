import { fromTarget } from './importQueries';
import { queryTypes, queryVersion, VllmQuery } from './queryTypes';

/**
 * Brings a saved query up to this version; pkg/query reads older versions by the same rules. It changes nothing in a query
 * that is newer than this plugin: the backend refuses it and says so.
 */
export function migrateQuery(query: VllmQuery): VllmQuery {
  const version = query.version ?? 1;
  if (version > queryVersion) {
    return query;
  }
  const imported = fromTarget(query);
  if (imported) {
    return imported;
  }
  // An alert rule or a link may leave out the kind: it then means requests.
  const queryType = query.queryType || queryTypes[0];
  return query.version === queryVersion && query.queryType === queryType
    ? query
    : { ...query, version: queryVersion, queryType };
}

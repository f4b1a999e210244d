import {
  AdHocVariableFilter,
  DataSourceGetTagKeysOptions,
  DataSourceGetTagValuesOptions,
  MetricFindValue,
} from '@grafana/data';
import { t } from '@grafana/i18n';

import { Lists } from '../lists/lists';
import { columns, logLevels, QueryType, Scope, VllmQuery } from '../queryTypes';
import { places } from '../types';
import { applyFilters } from './adhoc';
import { listOf } from './keyFilters';

type TagLists = Pick<Lists, 'values' | 'labelNames' | 'labelValues' | 'columnValues'>;

/** The keys that a dashboard's queries can be filtered by: places go for all of them, the others for one kind each. */
export async function tagKeys(
  lists: TagLists,
  { queries = [], timeRange }: Partial<DataSourceGetTagKeysOptions<VllmQuery>> = {}
): Promise<MetricFindValue[]> {
  const kinds = new Set<QueryType>(queries.map(({ queryType }) => queryType ?? 'requests'));
  const asks = (kind: QueryType) => kinds.size === 0 || kinds.has(kind);
  const keys = places.map((place) => key(place, t('filters.places', 'Deployment')));
  if (asks('requests')) {
    const group = t('filters.columns', 'Request');
    keys.push(...columns.filter(({ type }) => type !== 'time').map(({ name }) => key(name, group)));
  }
  if (asks('logs')) {
    keys.push(...['level', 'process', 'logger'].map((name) => key(name, t('filters.lines', 'Log line'))));
  }
  if (asks('promql')) {
    const labels = await lists.labelNames(undefined, { range: timeRange }).catch(() => []); // the other keys stand without Prometheus
    keys.push(...labels.map(({ value }) => key(value, t('filters.labels', 'Prometheus label'))));
  }
  const seen = new Set<string>();
  return keys.filter(({ text }) => !seen.has(text) && Boolean(seen.add(text)));
}

/** The live values of a key, within what the dashboard's other filters leave. */
export async function tagValues(
  lists: TagLists,
  { key: name, filters = [], timeRange }: DataSourceGetTagValuesOptions<VllmQuery>
): Promise<MetricFindValue[]> {
  const scope = scopeOf(filters.filter((filter) => filter.key !== name));
  const list = listOf(name);
  if (list) {
    return lists.values(list, { range: timeRange, scope });
  }
  if (name === 'level') {
    return logLevels.map((level) => key(level));
  }
  if (columns.some((column) => column.name === name)) {
    return lists.columnValues(name, { range: timeRange, scope });
  }
  if (!name || name === 'process' || name === 'logger') {
    return []; // typed by hand: no store lists them
  }
  return lists.labelValues(name, {}, { range: timeRange, scope });
}

/** The filters that say where to look. */
function scopeOf(filters: AdHocVariableFilter[]): Scope | undefined {
  return applyFilters({ refId: 'scope', queryType: 'models' }, filters, {}).query.scope;
}

function key(text: string, group?: string): MetricFindValue {
  return { text, value: text, ...(group && { group }) };
}

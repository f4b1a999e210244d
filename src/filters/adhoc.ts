import { AdHocVariableFilter, DataFrame, DataQueryResponse, isDataFrame } from '@grafana/data';
import { t } from '@grafana/i18n';

import { ops, VllmQuery } from '../queryTypes';
import { VllmDataSourceOptions } from '../types';
import { addFilter, KeyFilter } from './keyFilters';
import { addMatchers } from './promql';

/** A query with the dashboard's filters in it, and those that it could not take. */
interface Filtered {
  query: VllmQuery;
  refused: AdHocVariableFilter[];
}

/** Applies the filters of a dashboard. */
export function applyFilters(
  query: VllmQuery,
  filters: AdHocVariableFilter[],
  options: VllmDataSourceOptions
): Filtered {
  const refused: AdHocVariableFilter[] = [];
  let filtered = query;
  for (const filter of filters.filter(isComplete)) {
    const wanted = keyFilter(filter);
    const next =
      wanted && (query.queryType === 'promql' ? addToPromQL(filtered, wanted, options) : addFilter(filtered, wanted));
    if (next) {
      filtered = next;
    } else {
      refused.push(filter);
    }
  }
  return { query: filtered, refused };
}

function addToPromQL(query: VllmQuery, filter: KeyFilter, options: VllmDataSourceOptions): VllmQuery | undefined {
  const expr = query.promql && addMatchers(query.promql.expr, [filter], options);
  return expr === undefined ? undefined : { ...query, promql: { ...query.promql, expr } };
}

/** Grafana writes "one of" as an operator of its own. */
function keyFilter({ key, operator, value, values }: AdHocVariableFilter): KeyFilter | undefined {
  const op = operator === '=|' ? '=' : operator === '!=|' ? '!=' : ops.find((one) => one === operator);
  const several = operator === '=|' || operator === '!=|';
  return op && { key, op, values: several ? (values ?? [value]) : [value] };
}

/** A filter that is being typed filters nothing yet. */
function isComplete({ key, operator, value, values }: AdHocVariableFilter): boolean {
  return Boolean(key && operator && (value || values?.length));
}

/** Says on an answer which filters of the dashboard it does not follow. */
export function withRefusals(
  response: DataQueryResponse,
  refused: (refId: string) => AdHocVariableFilter[]
): DataQueryResponse {
  const told = new Set<string>();
  const data = response.data.map((frame: unknown) => {
    const filters = isDataFrame(frame) && frame.refId ? refused(frame.refId) : undefined;
    if (!isDataFrame(frame) || !filters?.length || !frame.refId || told.has(frame.refId)) {
      return frame;
    }
    told.add(frame.refId);
    return withNotice(frame, filters);
  });
  return { ...response, data };
}

function withNotice(frame: DataFrame, filters: AdHocVariableFilter[]): DataFrame {
  const list = filters.map(({ key, operator, value, values }) => `${key} ${operator} ${values?.join(', ') || value}`);
  const text = t('filters.refused', 'Not filtered by {{filters}}: this kind of query cannot be.', {
    filters: list.join('; '),
    interpolation: { escapeValue: false }, // a notice is text, not HTML
  });
  return {
    ...frame,
    meta: { ...frame.meta, notices: [...(frame.meta?.notices ?? []), { severity: 'warning', text }] },
  };
}

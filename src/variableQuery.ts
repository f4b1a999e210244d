import { DataQuery } from '@grafana/schema';

import { Scope, ScopeList } from './queryTypes';

export type VariableList = ScopeList | 'labels' | 'labelValues';

/** What a template variable lists. */
export interface VariableQuery extends DataQuery {
  queryType?: undefined;
  list: VariableList;
  /** The Prometheus label whose values are listed; only with labelValues. */
  label?: string;
  scope?: Scope;
}

import { CoreApp } from '@grafana/data';

import { defaults, QueryType, queryVersion, Specs, VllmQuery } from './queryTypes';

export function isAlerting(app: CoreApp | undefined): boolean {
  return app === CoreApp.UnifiedAlerting || app === CoreApp.CloudAlerting;
}

/** What each kind asks when nothing has been chosen yet. */
export const defaultSpecs: { [Type in QueryType]: Specs[Type] } = {
  requests: { sort: defaults.sort },
  request: { id: '' },
  models: { form: 'table' },
  slo: { form: 'table' },
  logs: {},
  trace: { traceId: '' },
  annotations: {},
  coverage: { form: 'table' },
  promql: { expr: '' },
};

/** The same in an alert rule, which compares one number per model: of requests, the share that pass. */
const alertingSpecs: Partial<Specs> = {
  requests: { filters: [{ column: 'unaccounted', op: '>', value: '1s' }], form: 'numeric' },
  models: { ...defaults.alert, form: 'numeric' },
  slo: { metrics: ['attainment'], form: 'numeric' },
  coverage: { metric: 'explained_ratio', form: 'numeric' },
  promql: { expr: '', instant: true },
};

export function defaultSpec<Type extends QueryType>(type: Type, app?: CoreApp): Specs[Type] {
  return (isAlerting(app) && alertingSpecs[type]) || defaultSpecs[type];
}

/** A new query works at once: the slowest requests of the range, and in an alert rule the time to first token. */
export function defaultQuery(app?: CoreApp): Partial<VllmQuery> {
  const queryType: QueryType = isAlerting(app) ? 'models' : 'requests';
  return { version: queryVersion, queryType, [queryType]: defaultSpec(queryType, app) };
}

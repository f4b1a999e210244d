import { getTemplateSrv } from '@grafana/runtime';

import { Interpolation } from '../interpolate';
import { Scope, ScopeList, scopeLists } from '../queryTypes';
import { Ask, Lists, LogWriters, Metric, Option, RecentRequests, SeriesFilter } from './lists';

/** The name of each filter in the address of a list. Every filter may be given several times. */
const filterNames: Record<ScopeList, string> = {
  models: 'model',
  environments: 'environment',
  clusters: 'cluster',
  namespaces: 'namespace',
  pods: 'pod',
  instances: 'instance',
  engines: 'engine',
  services: 'service',
};

/** These lists come from joined rows. All other lists come from the labels of one store, which has no engines and services. */
const fromRows = ['recent-requests', 'columns/', 'log-writers'];

export type Parameters = Record<string, number | string | string[] | undefined>;

/** Calls one resource of the backend. */
export type GetResource = <Answer>(path: string, parameters: Parameters, signal?: AbortSignal) => Promise<Answer>;

/** The lists of pkg/choices/routes.go. Each call asks the backend. */
export class BackendLists implements Lists {
  constructor(private readonly getResource: GetResource) {}

  values(list: ScopeList, ask: Ask): Promise<Option[]> {
    return this.get(list, ask);
  }

  columnValues(column: string, ask: Ask): Promise<Option[]> {
    return this.get(`columns/${encodeURIComponent(column)}/values`, ask);
  }

  recentRequests(ask: Ask): Promise<RecentRequests> {
    return this.get('recent-requests', ask);
  }

  logWriters(ask: Ask): Promise<LogWriters> {
    return this.get('log-writers', ask);
  }

  metrics(ask: Ask): Promise<Metric[]> {
    return this.get('metrics', ask);
  }

  labelNames(metric: string | undefined, ask: Ask): Promise<Option[]> {
    return this.get('labels', ask, { metric });
  }

  labelValues(label: string, { metric, match }: SeriesFilter, ask: Ask): Promise<Option[]> {
    const name = getTemplateSrv().replace(label, ask.scopedVars);
    return this.get(`labels/${encodeURIComponent(name)}/values`, ask, { metric, match });
  }

  private get<Answer>(path: string, ask: Ask, filter: SeriesFilter = {}): Promise<Answer> {
    return this.getResource(path, parametersOf(path, ask, filter), ask.signal);
  }
}

function parametersOf(path: string, { range, scope = {}, scopedVars = {} }: Ask, filter: SeriesFilter): Parameters {
  const chosen: Scope = new Interpolation(getTemplateSrv(), scopedVars).scope(scope);
  const parameters: Parameters = { ...filter };
  if (range) {
    parameters.from = range.from.valueOf();
    parameters.to = range.to.valueOf();
  }
  if (chosen.where) {
    parameters.where = chosen.where.map((condition) => JSON.stringify(condition));
  }
  const byRow = fromRows.some((start) => path.startsWith(start));
  for (const list of scopeLists) {
    const values = chosen[list];
    if (values && (byRow || (list !== 'engines' && list !== 'services'))) {
      parameters[filterNames[list]] = values;
    }
  }
  return parameters;
}

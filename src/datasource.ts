import {
  CoreApp,
  DataQueryRequest,
  DataQueryResponse,
  DataSourceInstanceSettings,
  ScopedVars,
  TimeRange,
} from '@grafana/data';
import { DataSourceWithBackend, getGrafanaLiveSrv, getTemplateSrv } from '@grafana/runtime';
import { map, Observable, switchMap } from 'rxjs';

import { annotationSupport } from './annotations';
import { defaultQuery } from './defaults';
import { displayText } from './displayText';
import { forExplore } from './exploreLayout';
import { Interpolation } from './interpolate';
import { follow } from './live/follow';
import { withLive } from './live/request';
import { migrateQuery } from './migrations';
import { Scope, ScopeList, scopeLists, VllmQuery } from './queryTypes';
import { VllmDataSourceOptions } from './types';
import { VllmVariableSupport } from './variables';

/** One entry of a list, as pkg/plugin/call_resource.go answers. */
export interface Option {
  text: string;
  value: string;
}

/** Parameters of the lists: every filter may be given several times. */
const filterNames: Partial<Record<ScopeList, string>> = {
  models: 'model',
  environments: 'environment',
  namespaces: 'namespace',
  pods: 'pod',
  instances: 'instance',
};

export class VllmDataSource extends DataSourceWithBackend<VllmQuery, VllmDataSourceOptions> {
  constructor(instanceSettings: DataSourceInstanceSettings<VllmDataSourceOptions>) {
    super(instanceSettings);
    this.variables = new VllmVariableSupport(this);
    this.annotations = annotationSupport;
  }

  /** Answers once; what is asked live goes on as a stream from there. */
  query(request: DataQueryRequest<VllmQuery>): Observable<DataQueryResponse> {
    const answers = super
      .query(withLive(request))
      .pipe(switchMap((answer) => follow(answer, request.range, this.uid, getGrafanaLiveSrv())));
    return request.app === CoreApp.Explore
      ? answers.pipe(map((answer) => forExplore(answer, request.targets)))
      : answers;
  }

  getDefaultQuery(app: CoreApp): Partial<VllmQuery> {
    return defaultQuery(app);
  }

  /** Queries that ask for nothing yet are not sent, nor those that wait for a variable to be filled in. */
  filterQuery(query: VllmQuery): boolean {
    const saysSomething = (text = '') => Boolean(getTemplateSrv().replace(text).trim());
    switch (query.queryType) {
      case 'request':
        return saysSomething(query.request?.id);
      case 'trace':
        return saysSomething(query.trace?.traceId);
      case 'promql':
        return saysSomething(query.promql?.expr);
      default:
        return true;
    }
  }

  applyTemplateVariables(query: VllmQuery, scopedVars: ScopedVars): VllmQuery {
    return new Interpolation(getTemplateSrv(), scopedVars).query(migrateQuery(query));
  }

  getQueryDisplayText(query: VllmQuery): string {
    return displayText(query);
  }

  /** The values of one kind of place, such as models, that the stores know in a window. */
  async values(list: ScopeList, range?: TimeRange, scope: Scope = {}, scopedVars: ScopedVars = {}): Promise<Option[]> {
    return this.options(list, range, scope, scopedVars);
  }

  /** The names of Prometheus' labels. */
  async labels(range?: TimeRange): Promise<Option[]> {
    return this.options('labels', range);
  }

  /** The values of one of Prometheus' labels. */
  async labelValues(label: string, range?: TimeRange, scope: Scope = {}, scopedVars: ScopedVars = {}) {
    const name = getTemplateSrv().replace(label, scopedVars);
    return this.options(`labels/${encodeURIComponent(name)}/values`, range, scope, scopedVars);
  }

  private options(path: string, range?: TimeRange, scope: Scope = {}, scopedVars: ScopedVars = {}): Promise<Option[]> {
    const chosen = new Interpolation(getTemplateSrv(), scopedVars).scope(scope);
    const params: Record<string, number | string[]> = {};
    if (range) {
      params.from = range.from.valueOf();
      params.to = range.to.valueOf();
    }
    for (const list of scopeLists) {
      const name = filterNames[list];
      const values = chosen[list];
      if (name && values) {
        params[name] = values;
      }
    }
    return this.getResource<Option[]>(path, params);
  }
}

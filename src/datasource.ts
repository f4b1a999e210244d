import {
  AdHocVariableFilter,
  CoreApp,
  DataQueryRequest,
  DataQueryResponse,
  DataSourceApi,
  DataSourceGetTagKeysOptions,
  DataSourceGetTagValuesOptions,
  DataSourceInstanceSettings,
  DataSourceWithLogsContextSupport,
  DataSourceWithQueryModificationSupport,
  DataSourceWithSupplementaryQueriesSupport,
  DataSourceWithToggleableQueryFiltersSupport,
  LogRowContextOptions,
  LogRowModel,
  MetricFindValue,
  QueryFilterOptions,
  QueryFixAction,
  ScopedVars,
  SupplementaryQueryOptions,
  SupplementaryQueryType,
  TimeRange,
  ToggleFilterAction,
} from '@grafana/data';
import { DataQuery } from '@grafana/schema';
import { DataSourceWithBackend, getGrafanaLiveSrv, getTemplateSrv } from '@grafana/runtime';
import { defer, lastValueFrom, map, Observable, switchMap } from 'rxjs';

import { annotationSupport } from './annotations';
import { Ask, Choices, SeriesFilter } from './choices';
import { defaultQuery } from './defaults';
import { displayText } from './displayText';
import { withoutLoneHeadings } from './emptyTable';
import { forExplore } from './exploreLayout';
import { applyFilters, withRefusals } from './filters/adhoc';
import { modifyQuery, toggleQueryFilter } from './filters/clicked';
import { hasFilter } from './filters/keyFilters';
import { tagKeys, tagValues } from './filters/tags';
import { publishHealth } from './health';
import { importQueries } from './importQueries';
import { Interpolation } from './interpolate';
import { withLinkRange } from './linkRange';
import { follow } from './live/follow';
import { withLive } from './live/request';
import { contextRequest, newestFirst, streamQuery } from './logs/context';
import { volumeQuery } from './logs/volume';
import { migrateQuery } from './migrations';
import { Scope, ScopeList, scopeLists, VllmQuery } from './queryTypes';
import { VllmDataSourceOptions } from './types';
import { VllmVariableSupport } from './variables';

/** One entry of a list, as pkg/plugin/call_resource.go answers. */
export interface Option {
  text: string;
  value: string;
  /** How many rows have it, where that was counted. */
  count?: number;
}

/** Parameters of the lists: every filter may be given several times. */
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

/** Lists that are read from one store's labels cannot be narrowed to what only the others know. */
const narrowedByRow = ['recent-requests', 'columns/', 'log-writers'];

export class VllmDataSource
  extends DataSourceWithBackend<VllmQuery, VllmDataSourceOptions>
  implements
    DataSourceWithLogsContextSupport<VllmQuery>,
    DataSourceWithQueryModificationSupport<VllmQuery>,
    DataSourceWithSupplementaryQueriesSupport<VllmQuery>,
    DataSourceWithToggleableQueryFiltersSupport<VllmQuery>
{
  /** What editors offer to choose from. */
  readonly choices = new Choices(this);

  private readonly saved: VllmDataSourceOptions;

  constructor(instanceSettings: DataSourceInstanceSettings<VllmDataSourceOptions>) {
    super(instanceSettings);
    this.saved = instanceSettings.jsonData ?? {};
    this.variables = new VllmVariableSupport(this);
    this.annotations = annotationSupport;
  }

  getDefaultQuery(app: CoreApp): Partial<VllmQuery> {
    return defaultQuery(app);
  }

  /** A panel that is switched to this data source keeps its PromQL. */
  async importQueries(queries: DataQuery[], originDataSource: DataSourceApi): Promise<VllmQuery[]> {
    return importQueries(queries, originDataSource.type);
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

  /** Save & test asks here. */
  async callHealthCheck() {
    const result = await super.callHealthCheck();
    publishHealth(this.uid, result.details);
    return result;
  }

  applyTemplateVariables(query: VllmQuery, scopedVars: ScopedVars, filters: AdHocVariableFilter[] = []): VllmQuery {
    return this.filtered(query, scopedVars, filters).query;
  }

  private filtered(query: VllmQuery, scopedVars: ScopedVars, filters: AdHocVariableFilter[] = []) {
    const interpolated = new Interpolation(getTemplateSrv(), scopedVars).query(migrateQuery(query));
    return applyFilters(interpolated, filters, this.saved);
  }

  /** Answers once; what is asked live goes on as a stream from there. */
  query(request: DataQueryRequest<VllmQuery>): Observable<DataQueryResponse> {
    // What a query's variables come to may be refused, and is the panel's error then.
    return defer(() => super.query(withLive(request))).pipe(
      switchMap((answer) => follow(answer, request.range, this.uid, getGrafanaLiveSrv())),
      map((answer) => this.finished(answer, request))
    );
  }

  /** An answer as it is shown, with what it does not follow of the dashboard's filters. */
  private finished(
    answer: DataQueryResponse,
    { app, filters, panelPluginId, range, scopedVars, targets }: DataQueryRequest<VllmQuery>
  ) {
    const linked =
      app === CoreApp.Explore ? forExplore(answer, targets) : range ? withLinkRange(answer, range) : answer;
    const shown = panelPluginId === 'table' ? withoutLoneHeadings(linked) : linked;
    return filters?.length
      ? withRefusals(shown, (refId) => {
          const query = targets.find((target) => target.refId === refId);
          return query ? this.filtered(query, scopedVars, filters).refused : [];
        })
      : shown;
  }

  /** The keys of a dashboard's filters. */
  getTagKeys(asked?: DataSourceGetTagKeysOptions<VllmQuery>): Promise<MetricFindValue[]> {
    return tagKeys(this, asked);
  }

  /** The values of a key, within what the other filters leave. */
  getTagValues(asked: DataSourceGetTagValuesOptions<VllmQuery>): Promise<MetricFindValue[]> {
    return tagValues(this, asked);
  }

  // Explore finds out by these methods' names what a data source can do.

  getSupportedSupplementaryQueryTypes(): SupplementaryQueryType[] {
    return [SupplementaryQueryType.LogsVolume];
  }

  getSupplementaryQuery(options: SupplementaryQueryOptions, query: VllmQuery): VllmQuery | undefined {
    return volumeQuery(options, query);
  }

  getSupplementaryRequest(
    type: SupplementaryQueryType,
    request: DataQueryRequest<VllmQuery>
  ): DataQueryRequest<VllmQuery> | undefined {
    const targets = request.targets.flatMap((query) => this.getSupplementaryQuery({ type }, query) ?? []);
    return targets.length ? { ...request, targets } : undefined;
  }

  async getLogRowContext(row: LogRowModel, options?: LogRowContextOptions): Promise<DataQueryResponse> {
    const response = await lastValueFrom(this.query(contextRequest(row, options)));
    if (response.errors?.length) {
      throw new Error(response.errors[0].message);
    }
    return { ...response, data: response.data.map(newestFirst) };
  }

  async getLogRowContextQuery(row: LogRowModel): Promise<VllmQuery> {
    return { ...streamQuery(row), datasource: this.getRef() };
  }

  getSupportedQueryModifications(): string[] {
    return ['ADD_FILTER', 'ADD_FILTER_OUT', 'ADD_STRING_FILTER'];
  }

  modifyQuery(query: VllmQuery, action: QueryFixAction): VllmQuery {
    return modifyQuery(migrateQuery(query), action);
  }

  toggleQueryFilter(query: VllmQuery, action: ToggleFilterAction): VllmQuery {
    return toggleQueryFilter(migrateQuery(query), action);
  }

  queryHasFilter(query: VllmQuery, { key, value }: QueryFilterOptions): boolean {
    return hasFilter(migrateQuery(query), key, '=', value);
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

  /** The values of a column of the request row, among its latest rows. */
  async columnValues(column: string, range?: TimeRange, scope: Scope = {}, scopedVars: ScopedVars = {}) {
    return this.options(`columns/${encodeURIComponent(column)}/values`, range, scope, scopedVars);
  }

  /** A scope with the dashboard's variables filled in. */
  interpolateScope(scope: Scope = {}, scopedVars: ScopedVars = {}): Scope {
    return new Interpolation(getTemplateSrv(), scopedVars).scope(scope);
  }

  private options(path: string, range?: TimeRange, scope: Scope = {}, scopedVars: ScopedVars = {}): Promise<Option[]> {
    return this.list(path, { range, scope, scopedVars });
  }

  /** Asks for one of the lists of pkg/plugin/call_resource.go. Its error is the caller's to show, beside the field. */
  list<Answer>(
    path: string,
    {
      range,
      scope = {},
      scopedVars = {},
      params = {},
      signal,
    }: Ask & { scopedVars?: ScopedVars; params?: SeriesFilter }
  ): Promise<Answer> {
    const chosen = this.interpolateScope(scope, scopedVars);
    const asked: Record<string, number | string | string[] | undefined> = { ...params };
    if (range) {
      asked.from = range.from.valueOf();
      asked.to = range.to.valueOf();
    }
    if (chosen.where) {
      asked.where = chosen.where.map((condition) => JSON.stringify(condition));
    }
    const byRow = narrowedByRow.some((start) => path.startsWith(start));
    for (const list of scopeLists) {
      const values = chosen[list];
      if (values && (byRow || (list !== 'engines' && list !== 'services'))) {
        asked[filterNames[list]] = values;
      }
    }
    return this.getResource<Answer>(path, asked, { abortSignal: signal, showErrorAlert: false });
  }
}

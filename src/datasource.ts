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
  ToggleFilterAction,
} from '@grafana/data';
import { DataQuery } from '@grafana/schema';
import { DataSourceWithBackend, getGrafanaLiveSrv, getTemplateSrv } from '@grafana/runtime';
import { defer, lastValueFrom, map, Observable, switchMap } from 'rxjs';

import { annotationSupport } from './annotations';
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
import { BackendLists, GetResource } from './lists/backend';
import { Lists } from './lists/lists';
import { remember } from './lists/remembered';
import { withLive } from './live/request';
import { contextRequest, newestFirst, streamQuery } from './logs/context';
import { volumeQuery } from './logs/volume';
import { migrateQuery } from './migrations';
import { VllmQuery } from './queryTypes';
import { VllmDataSourceOptions } from './types';
import { VllmVariableSupport } from './variables';

export class VllmDataSource
  extends DataSourceWithBackend<VllmQuery, VllmDataSourceOptions>
  implements
    DataSourceWithLogsContextSupport<VllmQuery>,
    DataSourceWithQueryModificationSupport<VllmQuery>,
    DataSourceWithSupplementaryQueriesSupport<VllmQuery>,
    DataSourceWithToggleableQueryFiltersSupport<VllmQuery>
{
  /** What editors offer to choose from. Answers are kept for a minute. */
  readonly lists: Lists;

  /** The same for variables and for a dashboard's filters, which ask anew whenever they are refreshed. */
  private readonly freshLists: Lists;

  private readonly saved: VllmDataSourceOptions;

  constructor(instanceSettings: DataSourceInstanceSettings<VllmDataSourceOptions>) {
    super(instanceSettings);
    this.saved = instanceSettings.jsonData ?? {};
    // An error of a list is shown beside its field, not as an alert of the page.
    const get: GetResource = (path, parameters, abortSignal) =>
      this.getResource(path, parameters, { abortSignal, showErrorAlert: false });
    this.lists = new BackendLists(remember(get));
    this.freshLists = new BackendLists(get);
    this.variables = new VllmVariableSupport(this.freshLists, this.lists);
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
    return tagKeys(this.freshLists, asked);
  }

  /** The values of a key, within what the other filters leave. */
  getTagValues(asked: DataSourceGetTagValuesOptions<VllmQuery>): Promise<MetricFindValue[]> {
    return tagValues(this.freshLists, asked);
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
}

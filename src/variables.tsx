import React from 'react';
import {
  CustomVariableSupport,
  DataQueryRequest,
  DataQueryResponse,
  DataSourceApi,
  QueryEditorProps,
  ScopedVars,
  TimeRange,
} from '@grafana/data';
import { t } from '@grafana/i18n';
import { getTemplateSrv } from '@grafana/runtime';
import { DataQuery } from '@grafana/schema';
import { from, map, Observable } from 'rxjs';

import { VariableQueryEditor } from './components/VariableQueryEditor';
import type { Option, VllmDataSource } from './datasource';
import { Scope, ScopeList, VllmQuery } from './queryTypes';
import { VllmDataSourceOptions } from './types';
import { importVariable, savedText } from './variableImport';

export type VariableList = ScopeList | 'labels' | 'labelValues';

/** What a template variable lists. */
export interface VariableQuery extends DataQuery {
  queryType?: undefined;
  list: VariableList;
  /** The Prometheus label whose values are listed; only with labelValues. */
  label?: string;
  scope?: Scope;
}

type AnyDataSource = DataSourceApi<VllmQuery, VllmDataSourceOptions>;
type EditorProps = QueryEditorProps<AnyDataSource, VllmQuery, VllmDataSourceOptions, VariableQuery>;

export class VllmVariableSupport extends CustomVariableSupport<AnyDataSource, VariableQuery> {
  constructor(private readonly datasource: VllmDataSource) {
    super();
  }

  editor = (props: EditorProps) => <VariableQueryEditor {...props} datasource={this.datasource} />;

  getDefaultQuery(): Partial<VariableQuery> {
    return { list: 'models' };
  }

  query(request: DataQueryRequest<VariableQuery>): Observable<DataQueryResponse> {
    return from(this.values(request)).pipe(map((data) => ({ data })));
  }

  private values({ targets, range, scopedVars }: DataQueryRequest<VariableQuery>): Promise<Option[]> {
    const saved = savedText(targets[0]);
    if (saved) {
      return this.imported(saved, range, scopedVars);
    }
    const [{ list = 'models', label, scope }] = targets;
    switch (list) {
      case 'labels':
        return this.datasource.labels(range);
      case 'labelValues':
        return label ? this.datasource.labelValues(label, range, scope, scopedVars) : Promise.resolve([]);
      default:
        return this.datasource.values(list, range, scope, scopedVars);
    }
  }

  /** A variable of a dashboard whose data source was switched from Prometheus to this one. */
  private async imported(text: string, range: TimeRange, scopedVars: ScopedVars): Promise<Option[]> {
    const variable = importVariable(getTemplateSrv().replace(text, scopedVars, 'regex'));
    switch (variable?.list) {
      case 'labels':
        return this.datasource.labels(range);
      case 'labelValues':
        return this.datasource.list(`labels/${encodeURIComponent(variable.label)}/values`, {
          range,
          params: { metric: variable.metric, match: variable.match },
        });
      default:
        throw new Error(t('variable.cannot-import', 'This data source cannot list {{text}}', { text }));
    }
  }
}

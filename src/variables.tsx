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
import { from, map, Observable } from 'rxjs';

import { lazily } from './components/lazily';
import { Lists, Option } from './lists/lists';
import { VllmQuery } from './queryTypes';
import { VllmDataSourceOptions } from './types';
import { importVariable, savedText } from './variableImport';
import { VariableQuery } from './variableQuery';

const VariableQueryEditor = lazily(
  async () => (await import(/* webpackChunkName: "variable" */ './components/VariableQueryEditor')).VariableQueryEditor
);

type AnyDataSource = DataSourceApi<VllmQuery, VllmDataSourceOptions>;
type EditorProps = QueryEditorProps<AnyDataSource, VllmQuery, VllmDataSourceOptions, VariableQuery>;

export class VllmVariableSupport extends CustomVariableSupport<AnyDataSource, VariableQuery> {
  constructor(
    private readonly lists: Lists,
    private readonly editorLists: Lists
  ) {
    super();
  }

  editor = (props: EditorProps) => <VariableQueryEditor {...props} lists={this.editorLists} />;

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
        return this.lists.labelNames(undefined, { range });
      case 'labelValues':
        return label ? this.lists.labelValues(label, {}, { range, scope, scopedVars }) : Promise.resolve([]);
      default:
        return this.lists.values(list, { range, scope, scopedVars });
    }
  }

  /** A variable of a dashboard whose data source was switched from Prometheus to this one. */
  private async imported(text: string, range: TimeRange, scopedVars: ScopedVars): Promise<Option[]> {
    const variable = importVariable(getTemplateSrv().replace(text, scopedVars, 'regex'));
    switch (variable?.list) {
      case 'labels':
        return this.lists.labelNames(undefined, { range });
      case 'labelValues':
        return this.lists.labelValues(variable.label, { metric: variable.metric, match: variable.match }, { range });
      default:
        throw new Error(t('variable.cannot-import', 'This data source cannot list {{text}}', { text }));
    }
  }
}

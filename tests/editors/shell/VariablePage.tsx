import React, { ComponentType, useState } from 'react';
import {
  CustomVariableSupport,
  DataQuery,
  DataSourceApi,
  MetricFindValue,
  QueryEditorProps,
  TimeRange,
} from '@grafana/data';
import { Button } from '@grafana/ui';
import { from } from 'rxjs';

import { Shown } from './Shown';

interface Props {
  datasource: DataSourceApi;
  range: TimeRange;
}

/** A template variable: what its editor says, and the values that it lists. */
export function VariablePage({ datasource, range }: Props) {
  const support = datasource.variables as CustomVariableSupport<DataSourceApi>;
  const Editor = support.editor as ComponentType<QueryEditorProps<DataSourceApi, DataQuery>>;
  const [query, setQuery] = useState<DataQuery>({ refId: 'variable' });
  const [values, setValues] = useState<MetricFindValue[]>([]);
  const preview = () => {
    const request = { targets: [query], range, scopedVars: {} } as Parameters<typeof support.query>[0];
    from(support.query(request)).subscribe(({ data }) => setValues(data));
  };
  return (
    <>
      <section aria-label="Variable">
        <Editor datasource={datasource} query={query} onChange={setQuery} onRunQuery={preview} range={range} />
      </section>
      <Button onClick={preview}>Preview</Button>
      <Shown name="Query" value={query} />
      <Shown name="Values" value={values.map(({ text }) => text)} />
    </>
  );
}

import React, { ComponentType, useRef, useState } from 'react';
import {
  CoreApp,
  DataFrame,
  DataQuery,
  DataQueryResponse,
  DataSourceApi,
  LoadingState,
  QueryEditorProps,
  TimeRange,
} from '@grafana/data';
import { Button } from '@grafana/ui';
import { from } from 'rxjs';

import { params } from './boot';
import { Shown } from './Shown';

interface Props {
  Editor: ComponentType<QueryEditorProps<DataSourceApi, DataQuery>>;
  datasource: DataSourceApi;
  range: TimeRange;
}

/** A query row of Explore, a panel or an alert rule: what it says is kept, and run when the editor or the user asks. */
export function QueryPage({ Editor, datasource, range }: Props) {
  const app = (params.get('app') ?? CoreApp.Explore) as CoreApp;
  const [query, setQuery] = useState<DataQuery>(() => {
    const saved = params.get('query');
    return { refId: 'A', ...(saved ? JSON.parse(saved) : datasource.getDefaultQuery?.(app)) };
  });
  const [answer, setAnswer] = useState<DataQueryResponse>({ data: [] });
  const [runs, setRuns] = useState(0);

  // An editor says what changed and asks to run in one go, before React has drawn: the newest query is kept here.
  const newest = useRef(query);
  const change = (changed: DataQuery) => {
    newest.current = changed;
    setQuery(changed);
  };
  const run = () => {
    const targets = [newest.current].filter((target) => datasource.filterQuery?.(target) ?? true);
    const common = { requestId: 'editors', interval: '15s', intervalMs: 15_000, maxDataPoints: 1000 };
    const request = { ...common, app, targets, range, scopedVars: {}, timezone: 'utc', startTime: Date.now() };
    from(datasource.query(request)).subscribe((given) => {
      setAnswer(given);
      setRuns((before) => before + 1);
    });
  };
  return (
    <>
      <section aria-label="Query A">
        <Editor
          datasource={datasource}
          query={query}
          queries={[query]}
          onChange={change}
          onRunQuery={run}
          app={app}
          range={range}
          history={[]}
          data={{ series: answer.data, state: answer.state ?? LoadingState.Done, timeRange: range }}
        />
      </section>
      <Button onClick={run}>Run query</Button>
      <Shown name="Query" value={query} />
      <Shown name="Answer" value={{ runs, errors: answer.errors, frames: answer.data.map(summary) }} />
    </>
  );
}

/** What tells one answer from another. */
function summary({ name, refId, length, fields, meta }: DataFrame) {
  const first = Object.fromEntries(fields.map((field) => [field.name, field.values[0]]));
  return { name: name ?? refId, rows: length, first, notices: meta?.notices };
}

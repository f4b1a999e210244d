import React, { ComponentType, useRef, useState } from 'react';
import {
  AnnotationQuery,
  AnnotationSupport,
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
  /** Of an annotation, whose editor is not told where it stands. */
  annotations?: AnnotationSupport<DataQuery>;
}

/**
 * A query row of Explore, a panel, an alert rule or an annotation: what it says is kept, and run when the editor or the user
 * asks.
 */
export function QueryPage({ Editor, datasource, range, annotations }: Props) {
  const app = annotations ? undefined : ((params.get('app') ?? CoreApp.Explore) as CoreApp);
  const [query, setQuery] = useState<DataQuery>(() => {
    const saved = params.get('query');
    const fresh = annotations ? annotations.getDefaultQuery?.() : datasource.getDefaultQuery?.(app!);
    return { refId: 'A', ...(saved ? JSON.parse(saved) : fresh) };
  });
  const [answer, setAnswer] = useState<DataQueryResponse>({ data: [] });
  const [runs, setRuns] = useState({ asked: 0, answered: 0 });

  // An editor says what changed and asks to run in one go, before React has drawn: the newest query is kept here.
  const newest = useRef(query);
  const asked = useRef(0);
  const change = (changed: DataQuery) => {
    newest.current = changed;
    setQuery(changed);
  };
  const run = () => {
    const question = ++asked.current;
    setRuns((before) => ({ ...before, asked: question }));
    const target = annotations?.prepareQuery?.({ target: newest.current } as AnnotationQuery) ?? newest.current;
    const request = {
      app: app ?? CoreApp.Dashboard,
      targets: [target].filter((one) => datasource.filterQuery?.(one) ?? true),
      range,
      requestId: `${question}`,
      interval: '15s',
      intervalMs: 15_000,
      maxDataPoints: 1000,
      scopedVars: {},
      timezone: 'utc',
      startTime: Date.now(),
    };
    from(datasource.query(request)).subscribe((given) => {
      if (question === asked.current) {
        setAnswer(given); // an answer to an older question would come too late
        setRuns({ asked: question, answered: question });
      }
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
      <Shown name="Answer" value={{ ...runs, errors: answer.errors, frames: answer.data.map(summary) }} />
    </>
  );
}

/** What tells one answer from another. */
function summary({ name, refId, length, fields, meta }: DataFrame) {
  const first = Object.fromEntries(fields.map((field) => [field.name, field.values[0]]));
  return { name: name ?? refId, rows: length, first, notices: meta?.notices };
}

import React, { useEffect, useState } from 'react';
import {
  applyFieldOverrides,
  CoreApp,
  DataFrame,
  DataQuery,
  DataSourceApi,
  dataLinksOverrideProcessor,
  FieldConfigOptionsRegistry,
  FieldConfigSource,
  TimeRange,
} from '@grafana/data';
import { config, getDataSourceSrv } from '@grafana/runtime';
import { from } from 'rxjs';

import { FakeAll, fakeLinks } from '../../../src/testing/fakes';
import { Shown } from './Shown';

/** As much of a dashboard's file as this page draws: its tables. */
export interface Board {
  title: string;
  panels: Array<{ id: number; type: string; title: string; targets?: DataQuery[]; fieldConfig: FieldConfigSource }>;
  templating: { list: Array<{ name: string; type: string }> };
}

export type Variables = Record<string, string | string[] | FakeAll>;

/** What the variables of a dashboard are set to by an address, each value of its own; what it does not name stands on All. */
export function variablesOf({ templating }: Board, search: URLSearchParams): Variables {
  return Object.fromEntries(
    templating.list.map(({ name, type }) => {
      const [first, ...more] = search.getAll(`var-${name}`);
      const unset = type === 'datasource' ? 'vllm' : type === 'textbox' ? '' : new FakeAll([]);
      return [name, more.length ? [first, ...more] : first === undefined || first === '$__all' ? unset : first];
    })
  );
}

/** A variable as links carry it on. */
const linked = (variables: Variables): Record<string, string> =>
  Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [name, value instanceof FakeAll ? '$__all' : [value].flat()[0]])
  );

/** What Grafana registers for every panel, of which this page needs the links alone. */
const fieldConfigRegistry = new FieldConfigOptionsRegistry(() => [
  {
    id: 'links',
    path: 'links',
    name: 'Links',
    editor: () => null,
    override: () => null,
    process: dataLinksOverrideProcessor,
    shouldApply: () => true,
  },
]);

interface Props {
  board: Board;
  variables: Variables;
  range: TimeRange;
}

/** A dashboard's tables, as its file has them, with the links of file and answer; Grafana's own code makes the addresses. */
export function BoardPage({ board, variables, range }: Props) {
  const tables = board.panels.filter(({ type }) => type === 'table');
  return (
    <>
      <h2>{board.title}</h2>
      <Shown name="Variables" value={linked(variables)} />
      {tables.map((panel) => (
        <section key={panel.id} aria-label={panel.title}>
          <PanelTable {...panel} variables={variables} range={range} />
        </section>
      ))}
    </>
  );
}

function PanelTable({
  targets = [],
  fieldConfig,
  variables,
  range,
}: Board['panels'][number] & { variables: Variables; range: TimeRange }) {
  const [frames, setFrames] = useState<DataFrame[]>([]);
  useEffect(() => {
    const asked = getDataSourceSrv()
      .get()
      .then((datasource: DataSourceApi) => from(datasource.query(requestOf(targets, range, CoreApp.Dashboard))));
    asked.then((answer) => answer.subscribe(({ data }) => setFrames(data)));
  }, [targets, range]);
  const [frame] = applyFieldOverrides({
    data: frames,
    fieldConfig,
    fieldConfigRegistry,
    replaceVariables: fakeLinks(linked(variables)).replaceVariables,
    theme: config.theme2,
    timeZone: 'utc',
  });
  return frame ? <Rows frame={frame} /> : null;
}

/** Cells and their links. An address becomes an anchor's, as in Grafana's own table. */
function Rows({ frame: { fields, length } }: { frame: DataFrame }) {
  return (
    <table>
      <tbody>
        {Array.from({ length }, (_, row) => (
          <tr key={row}>
            {fields.map((field) => (
              <td key={field.name}>
                <div>{String(field.values[row])}</div>
                {field.getLinks?.({ valueRowIndex: row }).map(({ href, target, title }) => (
                  <a key={href} href={href} target={target} style={{ display: 'block' }}>
                    {field.name}: {title}
                  </a>
                ))}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The queries that an address of Explore brings, asked of the data source that each of them names. */
export function ExplorePage({ left, range }: { left: string; range: TimeRange }) {
  const { queries }: { queries: DataQuery[] } = JSON.parse(left);
  useEffect(() => {
    for (const query of queries) {
      getDataSourceSrv()
        .get(query.datasource)
        .then((datasource: DataSourceApi) =>
          from(datasource.query(requestOf([query], range, CoreApp.Explore))).subscribe()
        );
    }
  }, [queries, range]);
  return <Shown name="Queries" value={queries} />;
}

function requestOf(targets: DataQuery[], range: TimeRange, app: CoreApp): Parameters<DataSourceApi['query']>[0] {
  return {
    app,
    targets,
    range,
    requestId: 'board',
    interval: '15s',
    intervalMs: 15_000,
    maxDataPoints: 1000,
    scopedVars: {},
    timezone: 'utc',
    startTime: Date.now(),
  };
}

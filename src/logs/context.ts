import {
  CoreApp,
  DataFrame,
  DataQueryRequest,
  dateTime,
  LogRowContextOptions,
  LogRowContextQueryDirection,
  LogRowModel,
  sortDataFrame,
  TimeRange,
} from '@grafana/data';

import { queryVersion, VllmQuery } from '../queryTypes';

/** How many lines a page of context has when nobody says. */
const defaultPage = 100;

/** All lines of the stream that a line stands in, of any level. */
export function streamQuery(row: LogRowModel): VllmQuery {
  return {
    refId: `context-${row.timeEpochNs}`,
    version: queryVersion,
    queryType: 'logs',
    logs: { stream: streamLabels(row) },
  };
}

/** Asks for the lines next to one: those before it, or those after it, itself included so that there is no gap. */
export function contextRequest(row: LogRowModel, options: LogRowContextOptions = {}): DataQueryRequest<VllmQuery> {
  const after = options.direction === LogRowContextQueryDirection.Forward;
  const { refId, logs, ...query } = streamQuery(row);
  const target: VllmQuery = {
    ...query,
    refId: `${refId}-${after ? 'after' : 'before'}`,
    logs: { ...logs, around: row.timeEpochNs, oldest: after, limit: (options.limit ?? defaultPage) + 1 },
  };
  return {
    requestId: target.refId,
    app: CoreApp.Explore,
    interval: '1s',
    intervalMs: 1000,
    range: moment(row),
    scopedVars: options.scopedVars ?? {},
    startTime: row.timeEpochMs,
    targets: [target],
    timezone: 'utc',
  };
}

/** The context view takes pages with the newest line first, whichever side they are of. */
export function newestFirst(frame: DataFrame): DataFrame {
  const time = frame.fields.findIndex(({ name }) => name === 'timestamp');
  return time < 0 ? frame : sortDataFrame(frame, time, true);
}

/** The labels that Loki finds the line's stream by; the others are the line's own. */
function streamLabels(row: LogRowModel): Record<string, string> {
  const names: unknown = row.dataFrame.meta?.custom?.streamLabels;
  return Object.fromEntries(
    Object.entries(row.labels).filter(([name]) => (Array.isArray(names) ? names.includes(name) : true))
  );
}

/** A query has a range; what lies around a line is looked for from the line's own time, to the nanosecond. */
function moment({ timeEpochMs }: LogRowModel): TimeRange {
  const raw = { from: dateTime(timeEpochMs), to: dateTime(timeEpochMs + 1) };
  return { ...raw, raw };
}

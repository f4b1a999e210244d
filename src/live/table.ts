import { DataFrame, Field, FieldType, QueryResultMetaNotice } from '@grafana/data';

/**
 * The rows of a stream and how they are merged: pure, so that it can be read and tested by itself. pkg/frames/live.go is the
 * other side. A whole frame says everything since a moment; any other changes single rows, found by their key.
 */

export const keyField = 'live_key';
export const overField = 'live_over';

/** What an answer says about the stream in which it goes on. */
export interface Follow {
  path: string;
  query: unknown;
  /** Name of the field that the rows are sorted by. */
  sort: string;
  desc: boolean;
  limit: number;
}

interface Row {
  key: string;
  cells: unknown[];
  /** Epoch milliseconds, and what is finer than that. */
  time: number;
  nanos: number;
}

/** All that a stream has told. */
export interface Live {
  rows: ReadonlyMap<string, Row>;
  /** Everything that began since then, in epoch milliseconds, is among the rows. */
  from: number;
  notices: QueryResultMetaNotice[];
}

export const nothing: Live = { rows: new Map(), from: Infinity, notices: [] };

/** More than any answer shows; what is older has had its time. */
export const maxRows = 5000;

/** Takes a whole frame: it replaces what began since the moment that it reaches back to. */
export function takeWhole(live: Live, frame: DataFrame): Live {
  const from = Number(frame.meta?.custom?.from ?? -Infinity);
  const rows = new Map([...live.rows].filter(([, row]) => row.time < from));
  rowsOf(frame).forEach(({ row }) => rows.set(row.key, row));
  return bounded({ rows, from: Math.min(live.from, from), notices: frame.meta?.notices ?? [] });
}

/** Takes changes: rows that are new or say more than before, and rows that are no more. */
export function takeChanges(live: Live, frame: DataFrame): Live {
  const rows = new Map(live.rows);
  for (const { row, over } of rowsOf(frame)) {
    if (over) {
      rows.delete(row.key);
    } else {
      rows.set(row.key, row);
    }
  }
  return bounded({ ...live, rows });
}

/**
 * The answer with what the stream has told since. What began before the stream's moment stays as it was answered; rows that
 * began before the range, which moves on, are left out.
 */
export function merge(answer: DataFrame, live: Live, follow: Follow, rangeFrom = -Infinity): DataFrame {
  const older = rowsOf(answer)
    .map(({ row }) => row)
    .filter((row) => row.time < live.from && !live.rows.has(row.key));
  const rows = [...older, ...live.rows.values()].filter((row) => row.time >= rangeFrom);
  return frameOf(answer, inOrder(answer, rows, follow), live.notices);
}

/** The rows of a frame, without the fields that only a stream needs. */
function rowsOf(frame: DataFrame): Array<{ row: Row; over: boolean }> {
  const fields = shown(frame);
  const time = timeOf(frame);
  const keys = frame.fields.find(({ name }) => name === keyField)?.values ?? [];
  const over = frame.fields.find(({ name }) => name === overField)?.values ?? [];
  return Array.from(keys, (key, i) => ({
    row: {
      key,
      cells: fields.map(({ values }) => values[i]),
      time: time?.values[i] ?? 0,
      nanos: time?.nanos?.[i] ?? 0,
    },
    over: Boolean(over[i]),
  }));
}

function shown(frame: DataFrame): Field[] {
  return frame.fields.filter(({ name }) => name !== keyField && name !== overField);
}

function timeOf(frame: DataFrame): Field | undefined {
  return frame.fields.find(({ type }) => type === FieldType.time);
}

/** Sorts, and keeps as many as are wanted: by time the newest, however they are shown. */
function inOrder(answer: DataFrame, rows: Row[], { sort, desc, limit }: Follow): Row[] {
  const newestFirst = (a: Row, b: Row) => b.time - a.time || b.nanos - a.nanos || (a.key < b.key ? -1 : 1);
  const column = shown(answer).findIndex(({ name }) => name === sort);
  rows.sort(newestFirst);
  if (column < 0 || shown(answer)[column].type === FieldType.time) {
    const newest = rows.slice(0, limit);
    return desc ? newest : newest.reverse();
  }
  return rows.sort((a, b) => compare(a.cells[column], b.cells[column], desc)).slice(0, limit);
}

/** Orders two cells; what is not known comes last, whichever way the others go. */
function compare(a: unknown, b: unknown, desc: boolean): number {
  const unknown = Number(a == null) - Number(b == null);
  if (unknown || a == null || b == null) {
    return unknown;
  }
  const order = typeof a === 'number' && typeof b === 'number' ? a - b : String(a) < String(b) ? -1 : Number(a !== b);
  return desc ? -order : order;
}

function frameOf(answer: DataFrame, rows: Row[], notices: QueryResultMetaNotice[]): DataFrame {
  return {
    ...answer,
    meta: { ...answer.meta, notices: [...(answer.meta?.notices ?? []), ...notices] },
    length: rows.length,
    fields: shown(answer).map(({ name, type, config, labels, nanos }, column) => ({
      name,
      type,
      config,
      labels,
      values: rows.map((row) => row.cells[column]),
      ...(type === FieldType.time && nanos && { nanos: rows.map((row) => row.nanos) }),
    })),
  };
}

/** Forgets the oldest rows beyond what is kept; the moment since which all are there moves on with that. */
function bounded(live: Live): Live {
  if (live.rows.size <= maxRows) {
    return live;
  }
  const kept = [...live.rows.values()].sort((a, b) => b.time - a.time).slice(0, maxRows);
  return {
    ...live,
    rows: new Map(kept.map((row) => [row.key, row])),
    from: Math.max(live.from, kept[maxRows - 1].time),
  };
}

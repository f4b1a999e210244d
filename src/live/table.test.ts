import { createDataFrame, DataFrame, FieldType } from '@grafana/data';

import { Follow, keyField, Live, maxRows, merge, nothing, overField, takeChanges, takeWhole } from './table';

type Line = [key: string, time: number, e2e: number | null, over?: boolean];

/** A frame as the plugin sends it; with `from` a whole one. */
function frame(lines: Line[], from?: number, notice?: string): DataFrame {
  return createDataFrame({
    name: 'requests',
    meta: { custom: { from }, notices: notice ? [{ severity: 'warning', text: notice }] : undefined },
    fields: [
      { name: 'time', type: FieldType.time, values: lines.map(([, time]) => time) },
      { name: 'e2e', type: FieldType.number, values: lines.map(([, , e2e]) => e2e), config: { unit: 's' } },
      { name: keyField, type: FieldType.string, values: lines.map(([key]) => key) },
      { name: overField, type: FieldType.boolean, values: lines.map(([, , , over]) => Boolean(over)) },
    ],
  });
}

const newest: Follow = { path: 'requests/ab', query: {}, sort: 'time', desc: true, limit: 10 };

/** The merged table as "time:e2e" in its order. */
function shown(answer: Line[], live: Live, follow: Partial<Follow> = {}, rangeFrom?: number): string {
  const { fields } = merge(frame(answer), live, { ...newest, ...follow }, rangeFrom);
  return fields[0].values.map((time, i) => `${time}:${fields[1].values[i]}`).join(' ');
}

describe('a live table', () => {
  test('is the answer as long as the stream tells nothing', () => {
    expect(shown([['a', 1, 5]], nothing)).toBe('1:5');
  });

  test('takes a new row in at its place in time', () => {
    const live = takeChanges(takeWhole(nothing, frame([], 10)), frame([['b', 12, 6]]));
    expect(shown([['a', 1, 5]], live)).toBe('12:6 1:5');
  });

  test('fills late evidence in', () => {
    let live = takeWhole(nothing, frame([['a', 12, null]], 10));
    expect(shown([], live)).toBe('12:null');
    live = takeChanges(live, frame([['a', 12, 6]]));
    expect(shown([], live)).toBe('12:6');
  });

  test('lets a row go that is no more', () => {
    const live = takeWhole(nothing, frame([['lines', 12, null]], 10));
    const changes = frame([
      ['lines', 12, null, true],
      ['span', 12, 6],
    ]);
    expect(shown([], takeChanges(live, changes))).toBe('12:6');
  });

  test('believes the stream, not the answer, since the moment from which the stream knows all', () => {
    const live = takeWhole(nothing, frame([['span', 12, 6]], 10));
    expect(
      shown(
        [
          ['lines', 12, null],
          ['a', 9, 5],
        ],
        live
      )
    ).toBe('12:6 9:5');
  });

  test('shows a row once that both have', () => {
    const live = takeWhole(nothing, frame([['long', 3, 9]], 10));
    expect(shown([['long', 3, null]], live)).toBe('3:9');
  });

  test('keeps what it was told when a viewer who joins makes the stream send everything again', () => {
    let live = takeWhole(nothing, frame([['a', 12, 5]], 10));
    live = takeChanges(live, frame([['b', 30, 6]]));
    // The stream has forgotten the older row for want of room.
    live = takeWhole(live, frame([['b', 30, 6]], 20));
    expect(shown([], live)).toBe('30:6 12:5');
    expect(live.from).toBe(10);
  });

  test('has nothing of a row that was over before everything was sent again', () => {
    const live = takeWhole(nothing, frame([['lines', 12, null]], 10));
    expect(shown([], takeWhole(live, frame([['span', 12, 6]], 10)))).toBe('12:6');
  });

  test.each<[string, Partial<Follow>, string]>([
    ['newest first', { desc: true }, '4:null 3:7 2:9 1:8'],
    ['oldest first', { desc: false }, '1:8 2:9 3:7 4:null'],
    ['the newest, when there are more, however they are shown', { desc: false, limit: 2 }, '3:7 4:null'],
    ['largest first, unknown last', { sort: 'e2e', desc: true }, '2:9 1:8 3:7 4:null'],
    ['smallest first, unknown last', { sort: 'e2e', desc: false }, '3:7 1:8 2:9 4:null'],
    ['as many as asked for', { sort: 'e2e', desc: true, limit: 2 }, '2:9 1:8'],
  ])('sorts %s', (_, follow, want) => {
    const live = takeWhole(
      nothing,
      frame(
        [
          ['a', 1, 8],
          ['b', 2, 9],
          ['c', 3, 7],
          ['d', 4, null],
        ],
        0
      )
    );
    expect(shown([], live, follow)).toBe(want);
  });

  test('leaves out what the range has moved past', () => {
    const live = takeWhole(nothing, frame([['b', 12, 6]], 10));
    expect(shown([['a', 1, 5]], live, {}, 5)).toBe('12:6');
  });

  test('does not show how it is told', () => {
    const { fields } = merge(frame([['a', 1, 5]]), nothing, newest);
    expect(fields.map(({ name, config }) => [name, config.unit])).toEqual([
      ['time', undefined],
      ['e2e', 's'],
    ]);
  });

  test('shows the notices of the answer and of the last whole frame', () => {
    const live = takeWhole(takeWhole(nothing, frame([], 10, 'Loki is away')), frame([], 10, 'Jaeger is away'));
    expect(merge(frame([], undefined, 'once'), live, newest).meta?.notices?.map(({ text }) => text)).toEqual([
      'once',
      'Jaeger is away',
    ]);
  });

  test('is bounded', () => {
    const many = Array.from({ length: maxRows + 10 }, (_, i): Line => [`row ${i}`, i, i]);
    const live = takeWhole(nothing, frame(many, -5));
    expect(live.rows.size).toBe(maxRows);
    expect(live.from).toBe(10);
  });

  test('puts lines of one millisecond in the order of their nanoseconds', () => {
    const lines = frame(
      [
        ['a', 1, 1],
        ['b', 1, 2],
        ['c', 1, 3],
      ],
      0
    );
    lines.fields[0].nanos = [500, 900, 100];
    const merged = merge(lines, takeWhole(nothing, lines), newest);
    expect(merged.fields[1].values).toEqual([2, 1, 3]);
    expect(merged.fields[0].nanos).toEqual([900, 500, 100]);
  });
});

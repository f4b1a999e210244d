import {
  createDataFrame,
  DataFrame,
  DataFrameJSON,
  DataQueryResponse,
  dateTime,
  FieldType,
  LiveChannelAddress,
  LiveChannelConnectionState,
  LiveChannelEvent,
  LiveChannelEventType,
  LoadingState,
  TimeRange,
} from '@grafana/data';
import { Observable, Subject } from 'rxjs';

import { follow, pace } from './follow';
import { keyField, overField } from './table';

jest.useFakeTimers();

const range: TimeRange = {
  from: dateTime(Date.now() - 60_000),
  to: dateTime(Date.now()),
  raw: { from: 'now-1m', to: 'now' },
};
const now = Date.now();

const fields = [
  { name: 'time', type: FieldType.time },
  { name: 'e2e', type: FieldType.number },
  { name: keyField, type: FieldType.string },
  { name: overField, type: FieldType.boolean },
];

/** Values by field, as they come over the wire. */
type Values = [times: number[], e2e: Array<number | null>, keys: string[], over: boolean[]];

function whole(values: Values, from: number): DataFrameJSON {
  return { schema: { fields, meta: { custom: { from } } }, data: { values } };
}

function changes(values: Values): DataFrameJSON {
  return { data: { values } };
}

function message(frame: DataFrameJSON): LiveChannelEvent<DataFrameJSON> {
  return { type: LiveChannelEventType.Message, message: frame };
}

function status(state: LiveChannelConnectionState, rest: object = {}): LiveChannelEvent<DataFrameJSON> {
  return { type: LiveChannelEventType.Status, id: 'x', timestamp: 1, state, ...rest };
}

/** An answer whose rows began so many milliseconds ago. */
function answer(path: string | undefined, ...ago: number[]): DataFrame {
  return createDataFrame({
    refId: 'A',
    meta: {
      custom:
        path === undefined
          ? undefined
          : { follow: { path, query: { version: 1 }, sort: 'time', desc: true, limit: 10 } },
    },
    fields: [
      { name: 'time', type: FieldType.time, values: ago.map((ms) => now - ms) },
      { name: 'e2e', type: FieldType.number, values: ago.map(() => 1) },
      { name: keyField, type: FieldType.string, values: ago.map((ms) => `${ms}`) },
    ],
  });
}

/** Grafana's live service with one channel. */
function fakeLive() {
  const events = new Subject<LiveChannelEvent<DataFrameJSON>>();
  const subscribed: LiveChannelAddress[] = [];
  let open = 0;
  const getStream = (address: LiveChannelAddress) =>
    new Observable<LiveChannelEvent<DataFrameJSON>>((subscriber) => {
      subscribed.push(address);
      open++;
      const subscription = events.subscribe(subscriber);
      return () => {
        open--;
        subscription.unsubscribe();
      };
    });
  return { events, subscribed, srv: { getStream: getStream as never }, open: () => open };
}

function watch(stream: Observable<DataQueryResponse>) {
  const seen: DataQueryResponse[] = [];
  const subscription = stream.subscribe((response) => seen.push(response));
  const times = () => {
    jest.advanceTimersByTime(pace);
    return (seen[seen.length - 1].data as DataFrame[])[0].fields[0].values.map((time) => now - time);
  };
  return { seen, times, leave: () => subscription.unsubscribe() };
}

test('an answer without a stream is all there is', () => {
  const { srv, subscribed } = fakeLive();
  const { seen } = watch(follow({ data: [answer(undefined, 5000)] }, range, 'ds', srv));
  expect(seen).toEqual([{ data: [expect.objectContaining({ length: 1 })] }]);
  expect(subscribed).toEqual([]);
});

test('the channel is the one that the answer names, for older and newer versions of Grafana', () => {
  const { srv, subscribed } = fakeLive();
  const { seen, leave } = watch(follow({ data: [answer('requests/a', 5000)] }, range, 'ds', srv));
  expect(subscribed).toEqual([
    { scope: 'ds', namespace: 'ds', stream: 'ds', path: 'requests/a', data: { version: 1 } },
  ]);
  expect(seen[0].state).toBe(LoadingState.Streaming);
  leave();
});

test('rows come in, change and go', () => {
  const { srv, events } = fakeLive();
  const { seen, times, leave } = watch(follow({ data: [answer('requests/b', 30_000)] }, range, 'ds', srv));
  expect(times()).toEqual([30_000]);
  events.next(message(whole([[now - 9000], [null], ['open'], [false]], now - 10_000)));
  expect(times()).toEqual([9000, 30_000]);
  events.next(
    message(
      changes([
        [now - 9000, now - 8000],
        [null, 2],
        ['open', 'span'],
        [true, false],
      ])
    )
  );
  expect(times()).toEqual([8000, 30_000]);
  expect((seen[seen.length - 1].data as DataFrame[])[0].fields[1].values).toEqual([2, 1]);
  leave();
});

test('who joins a running stream gets its rows with the connection', () => {
  const { srv, events } = fakeLive();
  const { times, leave } = watch(follow({ data: [answer('requests/c')] }, range, 'ds', srv));
  const initial = whole([[now - 9000], [1], ['a'], [false]], now - 10_000);
  events.next(status(LiveChannelConnectionState.Connected, { message: initial }));
  expect(times()).toEqual([9000]);
  events.next(message(changes([[now - 8000], [1], ['b'], [false]])));
  expect(times()).toEqual([8000, 9000]);
  leave();
});

test('changes that come before a whole frame are not guessed at', () => {
  const { srv, events } = fakeLive();
  const { times, leave } = watch(follow({ data: [answer('requests/d', 5000)] }, range, 'ds', srv));
  events.next(message(changes([[now - 8000], [1], ['b'], [false]])));
  expect(times()).toEqual([5000]);
  leave();
});

test('two panels of one question share a channel, and the second sees at once what the first has', () => {
  const { srv, events, subscribed, open } = fakeLive();
  const first = watch(follow({ data: [answer('requests/e')] }, range, 'ds', srv));
  events.next(message(whole([[now - 9000], [1], ['a'], [false]], now - 10_000)));
  const second = watch(follow({ data: [answer('requests/e')] }, range, 'ds', srv));
  expect(second.times()).toEqual([9000]);
  expect(subscribed).toHaveLength(1);
  first.leave();
  expect(open()).toBe(1);
  second.leave();
  expect(open()).toBe(0);
});

test('after all have left, the next viewer starts anew', () => {
  const { srv, events, subscribed } = fakeLive();
  const first = watch(follow({ data: [answer('requests/f')] }, range, 'ds', srv));
  events.next(message(whole([[now - 9000], [1], ['a'], [false]], now - 10_000)));
  first.leave();
  const second = watch(follow({ data: [answer('requests/f')] }, range, 'ds', srv));
  expect(second.times()).toEqual([]);
  expect(subscribed).toHaveLength(2);
  second.leave();
});

test('an interruption keeps the rows and says so, until all is told anew', () => {
  const { srv, events } = fakeLive();
  const { seen, times, leave } = watch(follow({ data: [answer('requests/g')] }, range, 'ds', srv));
  const notices = () =>
    (seen[seen.length - 1].data as DataFrame[])[0].meta?.notices?.map(({ severity, text }) => `${severity}: ${text}`);
  events.next(message(whole([[now - 9000], [1], ['a'], [false]], now - 10_000)));
  events.next(status(LiveChannelConnectionState.Connecting, { error: 'transport closed' }));
  expect(times()).toEqual([9000]);
  expect(notices()).toEqual(['warning: Live is interrupted; the rows are those of before. transport closed']);
  events.next(message(whole([[now - 9000], [1], ['a'], [false]], now - 10_000)));
  expect(times()).toEqual([9000]);
  expect(notices()).toEqual([]);
  leave();
});

test('a burst is sent at a pace that Explore does not drop, and its last state is always sent', () => {
  const { srv, events } = fakeLive();
  const { seen, times, leave } = watch(follow({ data: [answer('requests/h')] }, range, 'ds', srv));
  events.next(message(whole([[], [], [], []], now - 10_000)));
  for (let i = 0; i < 50; i++) {
    events.next(message(changes([[now - i], [1], [`${i}`], [false]])));
  }
  expect(times()).toHaveLength(10);
  expect(seen).toHaveLength(2);
  leave();
});

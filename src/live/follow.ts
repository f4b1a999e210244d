import {
  DataFrame,
  DataFrameJSON,
  dataFrameFromJSON,
  DataQueryResponse,
  isLiveChannelMessageEvent,
  isLiveChannelStatusEvent,
  LiveChannelConnectionState,
  LiveChannelEvent,
  LiveChannelScope,
  LoadingState,
  TimeRange,
} from '@grafana/data';
import { t } from '@grafana/i18n';
import { GrafanaLiveSrv } from '@grafana/runtime';
import { combineLatest, map, Observable, of, scan, share, ReplaySubject, startWith, throttleTime } from 'rxjs';

import { Follow, Live, merge, nothing, takeChanges, takeWhole } from './table';

/**
 * Explore drops what comes within 500 ms of what it showed last; so nothing is sent faster than that, and what was held back
 * is sent then.
 */
export const pace = 600;

/** What a browser's viewers of one channel share: Grafana tells only the first of them what was there before. */
const streams = new Map<string, Observable<Live>>();

/** An answer that goes on: its frames that have a stream are followed, the others stay as they are. */
export function follow(
  answer: DataQueryResponse,
  range: TimeRange,
  uid: string,
  srv: Pick<GrafanaLiveSrv, 'getStream'>
): Observable<DataQueryResponse> {
  const frames: DataFrame[] = answer.data;
  if (!frames.some(followOf)) {
    return of(answer);
  }
  const width = range.to.valueOf() - range.from.valueOf();
  const followed = frames.map((frame) => {
    const to = followOf(frame);
    if (!to) {
      return of(frame);
    }
    return stream(to, uid, srv).pipe(
      startWith(nothing),
      map((live) => merge(frame, live, to, Date.now() - width))
    );
  });
  return combineLatest(followed).pipe(
    throttleTime(pace, undefined, { leading: true, trailing: true }),
    map((data) => ({ ...answer, data, state: LoadingState.Streaming }))
  );
}

/** Where a frame goes on, if it does. */
function followOf(frame: DataFrame): Follow | undefined {
  return frame.meta?.custom?.follow;
}

function stream({ path, query }: Follow, uid: string, srv: Pick<GrafanaLiveSrv, 'getStream'>): Observable<Live> {
  const id = `${uid}/${path}`;
  const running = streams.get(id);
  if (running) {
    return running;
  }
  // Grafana before 13 reads namespace, later ones stream.
  const address = { scope: LiveChannelScope.DataSource, namespace: uid, stream: uid, path, data: query };
  const started = new Observable<Live>((subscriber) => {
    const subscription = srv
      .getStream<DataFrameJSON>(address)
      .pipe(scan(new Reader().take, nothing))
      .subscribe(subscriber);
    return () => {
      streams.delete(id);
      subscription.unsubscribe();
    };
  }).pipe(share({ connector: () => new ReplaySubject(1), resetOnRefCountZero: true }));
  streams.set(id, started);
  return started;
}

/** Reads the events of one channel. Only whole frames bring the schema, which what follows is read by. */
class Reader {
  private schema: DataFrameJSON['schema'];

  take = (live: Live, event: LiveChannelEvent<DataFrameJSON>): Live => {
    if (isLiveChannelMessageEvent(event)) {
      return this.read(live, event.message);
    }
    if (!isLiveChannelStatusEvent(event)) {
      return live;
    }
    if (event.error || event.state === LiveChannelConnectionState.Invalid) {
      return interrupted(live, event.error);
    }
    return event.message ? this.read(live, event.message) : live;
  };

  private read(live: Live, message: DataFrameJSON): Live {
    if (message.schema) {
      this.schema = message.schema;
      return takeWhole(live, dataFrameFromJSON(copied(message)));
    }
    return this.schema ? takeChanges(live, dataFrameFromJSON({ ...copied(message), schema: this.schema })) : live;
  }
}

/** Reading a frame decodes its values in place, and Grafana hands out the same message again. */
function copied({ schema, data }: DataFrameJSON): DataFrameJSON {
  return { schema, data: data && { ...data, values: data.values.map((values) => [...values]) } };
}

/** The rows stay; the next whole frame, which comes with the connection, brings its own notices. */
function interrupted(live: Live, why: unknown): Live {
  const text = t('live.interrupted', 'Live is interrupted; the rows are those of before. {{why}}', {
    why: reason(why),
  });
  return { ...live, notices: [{ severity: 'warning', text }] };
}

function reason(why: unknown): string {
  if (why instanceof Error) {
    return why.message;
  }
  return typeof why === 'string' ? why : '';
}

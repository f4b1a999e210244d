import { TimeRange } from '@grafana/data';

import type { Option, VllmDataSource } from './datasource';
import { Scope } from './queryTypes';

/** One request to choose, as pkg/plugin/catalogue_requests.go answers; what is not known is absent. */
export interface RecentRequest {
  requestId?: string;
  clientRequestId?: string;
  traceId?: string;
  /** Milliseconds since the epoch. */
  time: number;
  model?: string;
  status: string;
  /** Seconds. */
  e2e?: number;
}

export interface RecentRequests {
  slowest: RecentRequest[];
  failed: RecentRequest[];
}

export interface LogWriters {
  processes: string[];
  loggers: string[];
}

/** A metric that PromQL can name; vLLM's own come first. */
export interface Metric {
  name: string;
  type?: string;
  help?: string;
  vllm?: boolean;
}

/** A condition in a selector that is being written, such as pod=~vllm-.* */
export interface SeriesFilter {
  metric?: string;
  match?: string[];
}

/** What every list is asked with. */
export interface Ask {
  range?: TimeRange;
  scope?: Scope;
  signal?: AbortSignal;
}

/** How long a list is offered without asking again: a menu that is opened twice should not cost a join twice. */
const rememberedFor = 60_000;

/** How many lists are remembered: those of a page full of editors. */
const mostRemembered = 100;

/**
 * What editors offer to choose from, live out of the stores. Lists are remembered for a minute. One that fails is asked again,
 * and one that is no longer waited for is cancelled through its signal.
 */
export class Choices {
  private readonly remembered = new Map<string, { until: number; answer: unknown }>();

  constructor(
    private readonly datasource: Pick<VllmDataSource, 'list' | 'interpolateScope'>,
    private readonly now = Date.now
  ) {}

  /** The values of a place, such as models. */
  values(list: string, ask: Ask): Promise<Option[]> {
    return this.get(list, ask);
  }

  /** The values of a text column of the request row, with how many rows have them. */
  columnValues(column: string, ask: Ask): Promise<Option[]> {
    return this.get(`columns/${encodeURIComponent(column)}/values`, ask);
  }

  recentRequests(ask: Ask): Promise<RecentRequests> {
    return this.get('recent-requests', ask);
  }

  logWriters(ask: Ask): Promise<LogWriters> {
    return this.get('log-writers', ask);
  }

  metrics(ask: Ask): Promise<Metric[]> {
    return this.get('metrics', ask);
  }

  labelNames(metric: string | undefined, ask: Ask): Promise<Option[]> {
    return this.get('labels', ask, { metric });
  }

  labelValues(label: string, { metric, match }: SeriesFilter, ask: Ask): Promise<Option[]> {
    return this.get(`labels/${encodeURIComponent(label)}/values`, ask, { metric, match });
  }

  private async get<Answer>(path: string, ask: Ask, params: SeriesFilter = {}): Promise<Answer> {
    const scope = this.datasource.interpolateScope(ask.scope);
    const key = JSON.stringify([path, params, scope, this.grain(ask.range)]);
    const known = this.remembered.get(key);
    if (known && known.until > this.now()) {
      return known.answer as Answer;
    }
    const answer = await this.datasource.list<Answer>(path, { ...ask, scope, params });
    this.remember(key, answer);
    return answer;
  }

  /** A relative range moves with every look at the clock; its lists need not. */
  private grain(range: TimeRange | undefined) {
    return range && [range.from, range.to].map((time) => Math.floor(time.valueOf() / rememberedFor));
  }

  private remember(key: string, answer: unknown) {
    this.remembered.delete(key);
    this.remembered.set(key, { until: this.now() + rememberedFor, answer });
    for (const [oldest] of this.remembered) {
      if (this.remembered.size <= mostRemembered) {
        return;
      }
      this.remembered.delete(oldest);
    }
  }
}

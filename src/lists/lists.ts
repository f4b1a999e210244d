import { ScopedVars, TimeRange } from '@grafana/data';

import { Scope, ScopeList } from '../queryTypes';

/** One entry of a list, as pkg/choices/routes.go answers. */
export interface Option {
  text: string;
  value: string;
  /** How many rows have this value. Absent where the backend did not count. */
  count?: number;
}

/** One request to choose, as pkg/choices/requests.go answers. What is not known is absent. */
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

/** A metric that PromQL can name. vLLM's own metrics come first. */
export interface Metric {
  name: string;
  type?: string;
  help?: string;
  vllm?: boolean;
}

/** The conditions of a PromQL selector that the user is writing, such as pod=~vllm-.* */
export interface SeriesFilter {
  metric?: string;
  match?: string[];
}

/** What every list can be narrowed by. Names of variables in scope are replaced. */
export interface Ask {
  range?: TimeRange;
  scope?: Scope;
  scopedVars?: ScopedVars;
  /** Cancels the request. */
  signal?: AbortSignal;
}

/**
 * The lists of values that the backend reads from the stores. Editors, variables and filters take this interface and not the
 * data source, which imports all of them. A list that cannot be read rejects with the error of the backend.
 */
export interface Lists {
  /** The values of one kind of place, such as models. */
  values(list: ScopeList, ask: Ask): Promise<Option[]>;
  /** The values of a text column of the request row, with the number of rows that have each. */
  columnValues(column: string, ask: Ask): Promise<Option[]>;
  recentRequests(ask: Ask): Promise<RecentRequests>;
  logWriters(ask: Ask): Promise<LogWriters>;
  metrics(ask: Ask): Promise<Metric[]>;
  /** The names of Prometheus labels, of one metric or of all. */
  labelNames(metric: string | undefined, ask: Ask): Promise<Option[]>;
  labelValues(label: string, filter: SeriesFilter, ask: Ask): Promise<Option[]>;
}

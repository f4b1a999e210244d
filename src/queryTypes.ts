import { DataQuery } from '@grafana/schema';

import model from './query.generated.json';

/**
 * What a query says, as pkg/query/model.go reads it. Names, units and descriptions come from query.generated.json, which
 * Go writes; only what the compiler must know is repeated here, and queryTypes.test.ts holds it to that file.
 */

export const queryVersion = model.version;

/** What a query asks for, in the order in which an editor shows it. */
export const queryTypes = [
  'requests',
  'request',
  'models',
  'slo',
  'logs',
  'trace',
  'annotations',
  'coverage',
  'promql',
] as const;
export type QueryType = (typeof queryTypes)[number];

export const scopeLists = [
  'models',
  'environments',
  'clusters',
  'namespaces',
  'pods',
  'instances',
  'engines',
  'services',
] as const;
export type ScopeList = (typeof scopeLists)[number];

/** The comparisons of a condition. With several values one is enough; a negative one leaves out all. */
export const conditionOps = ['=', '!=', '=~', '!~'] as const;
export type ConditionOp = (typeof conditionOps)[number];

export interface Condition {
  /** A place, or for log lines a label, "process" or "logger". */
  key: string;
  op: ConditionOp;
  values: string[];
}

/**
 * Narrows a question to some deployments. Lists have exact values, any of which may match; an absent list matches all.
 * "where" says what lists cannot, and must hold too.
 */
export interface Scope extends Partial<Record<ScopeList, string[]>> {
  where?: Condition[];
}

export const ops = ['=', '!=', '=~', '!~', '>', '>=', '<', '<=', 'null', 'not null'] as const;
export type Op = (typeof ops)[number];

export interface Filter {
  column: string;
  op: Op;
  value?: string;
  /** Instead of value: equal to any of them, or different from all. */
  values?: string[];
}

/** Sorts by one column; what is not known comes last. */
export interface Order {
  column?: string;
  desc?: boolean;
}

export interface RequestsSpec {
  filters?: Filter[];
  sort?: Order;
  limit?: number;
  /** The answer goes on as a stream. */
  live?: boolean;
  /** Other than a table: the share of requests that pass the filters, per group. */
  form?: Form;
  groupBy?: string[];
  /** In such a form: the share, or how many requests pass. Absent = the share. */
  metric?: ShareMetric;
}

export const shareMetrics = ['share', 'passed'] as const;
export type ShareMetric = (typeof shareMetrics)[number];

export const parts = ['summary', 'phases', 'trace', 'logs', 'engine', 'neighbours'] as const;
export type Part = (typeof parts)[number];

/** The id is an external id, a client's X-Request-Id, an internal id or a trace id: the stores tell which. */
export interface RequestSpec {
  id: string;
  /** The parts of the answer; absent = all. */
  show?: Part[];
}

export const forms = ['table', 'timeseries', 'numeric'] as const;
export type Form = (typeof forms)[number];

export interface ModelsSpec {
  metrics?: string[];
  groupBy?: string[];
  quantiles?: number[];
  form?: Form;
}

/** How well requests kept the limits of their models. Target is the share of them that shall; absent = the default. */
export interface SloSpec {
  metrics?: string[];
  groupBy?: string[];
  target?: number;
  form?: Form;
}

export interface LogsSpec {
  levels?: string[];
  process?: string;
  logger?: string;
  requestId?: string;
  contains?: string;
  regex?: string;
  limit?: number;
  oldest?: boolean;
  volume?: boolean;
  live?: boolean;
  where?: Condition[];
  /** Only streams that have all of these labels. */
  stream?: Record<string, string>;
  /** The time of a line in nanoseconds since the epoch: the lines next to it, before it or (oldest) after it. */
  around?: string;
}

export interface TraceSpec {
  traceId: string;
}

/** What happened to engines. The names are those of the catalogue in engineEvents; absent = all. */
export interface AnnotationsSpec {
  events?: string[];
  limit?: number;
}

export interface CoverageSpec {
  form?: Form;
  metric?: string;
}

/** The shape of a PromQL answer; the empty one is time series, or a table of an instant. */
export const promqlFormats = ['', 'table', 'heatmap'] as const;
export type PromQLFormat = (typeof promqlFormats)[number];

/** The variable in PromQL that the backend fills in with the metric prefix of the settings, "vllm:" by default. */
export const metricPrefix = '${__vllm_prefix}';

/** The labels that tell copies of a series apart, in PromQL: sum(max without (${__vllm_copies}) (x)) counts each once. */
export const copyLabels = '${__vllm_copies}';

/** The legend that leaves the names of series to Grafana. */
export const autoLegend = '__auto';

export interface PromQLSpec {
  expr: string;
  instant?: boolean;
  legend?: string;
  minStep?: string;
  format?: PromQLFormat;
}

/** The spec of each kind, under the kind's own name. */
export interface Specs {
  requests: RequestsSpec;
  request: RequestSpec;
  models: ModelsSpec;
  slo: SloSpec;
  logs: LogsSpec;
  trace: TraceSpec;
  annotations: AnnotationsSpec;
  coverage: CoverageSpec;
  promql: PromQLSpec;
}

export interface VllmQuery extends DataQuery, Partial<Specs> {
  version?: number;
  queryType?: QueryType;
  scope?: Scope;
}

export type ColumnType = 'text' | 'number' | 'integer' | 'time';

export interface Column {
  name: string;
  type: ColumnType;
  unit: string;
  description: string;
}

/** Kinds that an alert rule can evaluate: they reduce to numbers with stable labels. */
export const alertingTypes: readonly QueryType[] = queryTypes.filter((type) =>
  model.kinds.some((kind) => kind.name === type && kind.alerts)
);

/** Kinds that look at a window of all engines, and so can be narrowed. */
export const scopedTypes: readonly QueryType[] = ['requests', 'models', 'slo', 'logs', 'annotations', 'coverage'];

/** The columns of the request row, in its order. */
export const columns: readonly Column[] = model.columns.map((column) => ({ ...column, type: columnType(column.type) }));

export const figures = model.figures;
/** The figures of kind slo: first those of the requests, then those of histogram buckets. */
export const sloFigures = model.sloFigures;
export const dimensions = model.dimensions;
export const quantiles = model.quantiles;
export const coverageMetrics = model.coverageMetrics;
export const logLevels = model.logLevels;
/** The events that kind annotations finds, the worst first. */
export const engineEvents = model.events;
export const defaults = model.defaults;
export const limits = model.limits;

export function columnNamed(name: string | undefined): Column | undefined {
  return columns.find((column) => column.name === name);
}

/** The comparisons that a column takes. */
export function opsOf(type: ColumnType): readonly Op[] {
  return ops.filter((op) => model.ops[type].includes(op));
}

/** Whether a share is asked for instead of the requests themselves. */
export function isShare(spec: RequestsSpec | undefined): boolean {
  return spec?.form === 'numeric' || spec?.form === 'timeseries';
}

/** Whether a comparison is with a value. */
export function takesValue(op: Op): boolean {
  return op !== 'null' && op !== 'not null';
}

export function hasQuantiles(metric: string): boolean {
  return figures.some((figure) => figure.name === metric && figure.quantiles);
}

function columnType(type: string): ColumnType {
  return type === 'number' || type === 'integer' || type === 'time' ? type : 'text';
}

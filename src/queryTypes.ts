import { DataQuery } from '@grafana/schema';

import model from './query.generated.json';
import { Op, ops, QueryType, queryTypes, RequestsSpec, SavedQuery } from './query.generated';

/**
 * What a query says, as pkg/query reads it. Go writes both files: query.generated.ts has the types, query.generated.json has
 * names, units, descriptions, defaults and limits. The comments on the fields are in pkg/query.
 */
export * from './query.generated';

export const queryVersion = model.version;

/** The spec of each kind, under the name of the kind. */
export type Specs = Required<Pick<SavedQuery, QueryType>>;

export interface VllmQuery extends Omit<DataQuery, 'queryType'>, Partial<SavedQuery> {}

/** The variable in PromQL that the backend fills in with the metric prefix of the settings, "vllm:" by default. */
export const metricPrefix = '${__vllm_prefix}';

/** The labels that tell copies of a series apart, in PromQL: sum(max without (${__vllm_copies}) (x)) counts each once. */
export const copyLabels = '${__vllm_copies}';

/** The legend that leaves the names of series to Grafana. */
export const autoLegend = '__auto';

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

import { DataQuery } from '@grafana/schema';

import { PromQLSpec, promqlFormats, queryTypes, queryVersion, QueryType, VllmQuery } from './queryTypes';

/** A query as Grafana's Prometheus data source saves it, as far as pkg/query reads it. */
interface PrometheusTarget {
  expr?: unknown;
  legendFormat?: unknown;
  range?: unknown;
  instant?: unknown;
  format?: unknown;
  interval?: unknown;
}

/** Query types that Loki's data source saves: its targets have an "expr" too, which is LogQL. */
const lokiTypes = ['range', 'instant', 'stream'];

/** Data sources whose queries are PromQL. */
const prometheusTypes = [
  'prometheus',
  'grafana-amazonprometheus-datasource',
  'grafana-azureprometheus-datasource',
  'victoriametrics-metrics-datasource',
];

/** Data sources whose "query" may be the id of a trace. */
const tracingTypes = ['jaeger', 'tempo', 'zipkin'];

const traceId = /^[0-9a-f]{16,32}$/i;

/**
 * Reads a query that Grafana's Prometheus data source saved; pkg/query reads such a query by the same rules. Undefined when
 * the query is our own, or has no expression.
 */
export function fromTarget(query: DataQuery): VllmQuery | undefined {
  const { refId, hide, key, datasource } = query;
  const known: readonly string[] = queryTypes;
  const queryType = query.queryType ?? '';
  const { expr, legendFormat, range, instant, format, interval } = query as PrometheusTarget;
  if (known.includes(queryType) || lokiTypes.includes(queryType) || typeof expr !== 'string' || !expr.trim()) {
    return undefined;
  }
  const promql: PromQLSpec = { expr };
  if (instant === true && range !== true) {
    promql.instant = true;
  }
  if (typeof legendFormat === 'string' && legendFormat) {
    promql.legend = legendFormat;
  }
  if (typeof interval === 'string' && interval) {
    promql.minStep = interval;
  }
  const shape = promqlFormats.find((one) => one && one === format);
  if (shape) {
    promql.format = shape;
  }
  return { refId, hide, key, datasource, version: queryVersion, queryType: 'promql', promql };
}

/** Takes over the queries of a panel whose data source is switched to this one. What cannot be taken over is left out. */
export function importQueries(queries: DataQuery[], originType: string): VllmQuery[] {
  return queries.flatMap<VllmQuery>((query) => {
    if (prometheusTypes.includes(originType)) {
      return fromTarget(query) ?? [];
    }
    const { query: text } = query as { query?: unknown };
    if (tracingTypes.includes(originType) && typeof text === 'string' && traceId.test(text.trim())) {
      const queryType: QueryType = 'trace';
      return [{ refId: query.refId, version: queryVersion, queryType, trace: { traceId: text.trim() } }];
    }
    return [];
  });
}

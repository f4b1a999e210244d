import { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';

import {
  AnnotationsSpec,
  copyLabels,
  CoverageSpec,
  LogsSpec,
  ModelsSpec,
  Part,
  queryVersion,
  RequestsSpec,
  Scope,
  SloSpec,
  VllmQuery,
} from '../../../src/queryTypes';

export const pluginId = 'llmserving-vllm-datasource';

/** The data source that the reader picks. */
export const datasource = { type: pluginId, uid: '${datasource}' };

/** What the variables above a dashboard narrow every question to. */
export const scope: Scope = { models: ['$model'], environments: ['$environment'], instances: ['$instance'] };

/** One question of a panel, in the data source's own words. */
export type Question = Omit<VllmQuery, 'refId' | 'datasource' | 'version'>;

type Form = NonNullable<ModelsSpec['form']>;

export const models = (form: Form, metrics: string[], spec: Omit<ModelsSpec, 'form' | 'metrics'> = {}): Question => ({
  queryType: 'models',
  scope,
  models: { form, metrics, groupBy: ['model'], ...spec },
});

export const slo = (spec: SloSpec): Question => ({ queryType: 'slo', scope, slo: spec });

export const requests = (spec: RequestsSpec): Question => ({ queryType: 'requests', scope, requests: spec });

/** One part of everything about the request that the variable names. */
export const request = (part: Part): Question => ({
  queryType: 'request',
  request: { id: '$request', show: [part] },
});

export const logs = (spec: LogsSpec): Question => ({ queryType: 'logs', scope, logs: spec });
export const coverage = (spec: CoverageSpec): Question => ({ queryType: 'coverage', scope, coverage: spec });
export const happened = (spec: AnnotationsSpec): Question => ({ queryType: 'annotations', scope, annotations: spec });

export const promql = (expr: string, legend?: string): Question => ({
  queryType: 'promql',
  promql: { expr: oneLine(expr), ...(legend && { legend }) },
});

/** PromQL at the end of the range only. */
export const instant = (expr: string, legend?: string): Question => ({
  queryType: 'promql',
  promql: { expr: oneLine(expr), instant: true, ...(legend && { legend }) },
});

/**
 * PromQL in one line. Boards write vLLM's metrics by vLLM's own names; the prefix becomes a variable that the data source
 * fills in from its settings, since collectors rename metrics (kserve_vllm:, vllm_).
 */
function oneLine(expr: string): string {
  return summedOnce(expr.trim().replace(/\s*\n\s*/g, ' ')).replace(/\bvllm:(?=\w)/g, '${__vllm_prefix}');
}

/** Makes copies of a series one, which scrape jobs and redundant Prometheus servers make. The data source knows their labels. */
export const once = (vector: string): string => `max without (${copyLabels}) (${vector})`;
/** The same for native histograms, of which there is no largest. */
const nativeOnce = (vector: string): string => `avg without (${copyLabels}) (${vector})`;

/**
 * Lets every sum of an expression count a series once, whatever else has copies of it. Results of rules and of other
 * aggregations have none; `sum by (…)` without `le` that a histogram's function reads is of native histograms.
 */
export function summedOnce(expr: string): string {
  const sum = /\bsum\s*(?:by\s*\(([^()]*)\)\s*)?\(/g;
  let out = '';
  let from = 0;
  for (let found = sum.exec(expr); found; found = sum.exec(expr)) {
    const open = sum.lastIndex;
    const close = closing(expr, open);
    const inner = summedOnce(expr.slice(open, close));
    const native =
      /histogram_(?:quantile|fraction)\([^()]*$/.test(expr.slice(0, found.index)) && !/\ble\b/.test(found[1] ?? '');
    const settled = /\b(?:sum|max|min|avg|count|topk)\b\s*(?:by|without|\()/.test(inner);
    out += expr.slice(from, open) + (settled ? inner : (native ? nativeOnce : once)(inner));
    from = sum.lastIndex = close;
  }
  return out + expr.slice(from);
}

/** Where the parenthesis that opens just before a place is closed; what stands in quotes does not count. */
function closing(expr: string, open: number): number {
  let depth = 1;
  let quoted = false;
  for (let at = open; at < expr.length; at++) {
    const character = expr[at];
    if (quoted && character === '\\') {
      at++;
    } else if (character === '"') {
      quoted = !quoted;
    } else if (!quoted && character === '(') {
      depth++;
    } else if (!quoted && character === ')' && --depth === 0) {
      return at;
    }
  }
  throw new Error(`parentheses do not match: ${expr}`);
}

/** Writes the rate of a metric's series. */
export type Rate = (metric: string) => string;

/**
 * A quantile of a histogram, by labels. Prometheus keeps a histogram as buckets, or as a native histogram without "_bucket"
 * series (convert_classic_histograms_to_nhcb): the expression reads the one that is there.
 */
export const quantileOf = (q: number, metric: string, rate: Rate, by: string[] = []): string =>
  `histogram_quantile(${q}, sum by (${['le', ...by].join(', ')}) (${rate(`${metric}_bucket`)}))` +
  ` or histogram_quantile(${q}, sum by (${by.join(', ')}) (${rate(metric)}))`;

/** The rate of a histogram's sum, and of its count, whichever way Prometheus keeps the histogram. */
export const sumOf = (metric: string, rate: Rate): string =>
  `(${rate(`${metric}_sum`)} or histogram_sum(${rate(metric)}))`;
export const countOf = (metric: string, rate: Rate): string =>
  `(${rate(`${metric}_count`)} or histogram_count(${rate(metric)}))`;

/** Labels that Prometheus adds to every target, in its default spelling. */
export const place = 'environment=~"$environment", instance=~"$instance"';

export const selector = (labels: string) => (metric: string, extra?: string) =>
  `${metric}{${[labels, extra].filter(Boolean).join(', ')}}`;

/** Series of engines: they name their model, which those of the production stack's router, of the same names, do not. */
export const engine = selector(`model_name=~"$model", model_name!="", ${place}`);
/** Series of API servers, which do not: HTTP, process, LoRA. */
export const server = selector(place);
/** Scrape targets that are vLLM, and not exporters beside it: the rule of the alerts. */
const vllmJob = 'job=~".*vllm.*"';
export const target = (metric: string) => server(metric, vllmJob);
/** Answers of vLLM's API, as the alerts count them. Polls of /v1/models are GET, and never fail: they would hide a share of errors. */
export const answers = (extra?: string) =>
  server('http_requests_total', [vllmJob, 'handler=~"/v1/.*", method="POST"', extra].filter(Boolean).join(', '));

/** Series of applications in front of vLLM, whose instances are their own. */
export const application = selector('environment=~"$environment"');

/** The SDK wants its targets built. */
export class Target implements Builder<Dataquery> {
  constructor(
    private readonly question: Question,
    private readonly refId = 'A'
  ) {}

  build(): Dataquery {
    const query = { refId: this.refId, datasource, version: queryVersion, ...this.question };
    return { ...query, _implementsDataqueryVariant() {} };
  }
}

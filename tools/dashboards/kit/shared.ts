import { look, Override, steps, words } from './fields';
import { toLogsOfInstance, toModel, toRequest } from './links';

/** Why nothing is drawn, in the panel itself. The reader is on call: what is it, and what would change it. */
export const empty = {
  engines:
    'No engine of this choice was scraped in the time range. Widen the range or the variables; if that does not help, “Save & test” on the data source says which store is silent.',
  finished: 'No request of this choice finished in the time range, so there is nothing to measure.',
  requests:
    'No request matches in the time range. Widen the range or the variables; without traces and request lines vLLM leaves no rows (see “Save & test”).',
  request: 'No request with this id in the time range. Enter a request id, an X-Request-Id or a trace id above.',
  span: 'No engine span: no store knows the id in this time range, or the request still runs, was aborted, or its span was not sampled. The first table says which store knows it.',
  lines: 'No such line in the time range: good for warnings; for everything else see Loki in “Save & test”.',
  events: 'Nothing happened to any engine of this choice in the time range.',
} as const;

/** How columns of the request row look in every table of requests. */
const requestLooks: Record<string, Override> = {
  time: look('time', { width: 142 }),
  request_id: look('request_id', { links: toRequest() }),
  model: look('model', { links: [toModel], width: 180 }),
  instance: look('instance', { links: [toLogsOfInstance], width: 160 }),
  client_request_id: look('client_request_id', { name: 'client’s id', width: 130 }),
  lora: look('lora', { width: 110 }),
  environment: look('environment', { width: 100 }),
  engine: look('engine', { width: 66 }),
  status: look('status', { width: 80 }),
  http_status: look('http_status', { name: 'HTTP', width: 60 }),
  finish_reason: look('finish_reason', { name: 'finish', width: 80 }),
  caller_service: look('caller_service', { name: 'caller', width: 96 }),
  outside_engine: look('outside_engine', { name: 'outside', width: 80 }),
  prompt_tokens: look('prompt_tokens', { name: 'prompt', width: 66 }),
  completion_tokens: look('completion_tokens', { name: 'output', width: 66 }),
  ...Object.fromEntries(
    words('e2e ttft queue prefill decode tpot running waiting').map((field) => [field, look(field, { width: 72 })])
  ),
  kv_cache_usage: look('kv_cache_usage', { name: 'KV cache', width: 96, decimals: 0 }),
  preemptions: look('preemptions', { name: 'preempted', width: 98 }),
  log_lines: look('log_lines', { name: 'lines', width: 60 }),
  error_lines: look('error_lines', { name: 'errors', width: 60 }),
};

/** The looks of those columns that a table shows. */
export const requestColumns = (fields: string[]): Override[] => fields.flatMap((field) => requestLooks[field] ?? []);

/** How figures look in a table of models: narrow, so that all stand beside each other on a laptop with Grafana's menu open. */
export const modelColumns: Override[] = [
  look(/_exact$/, { hidden: true }),
  look('environment', { width: 100 }),
  look('instance', { width: 180 }),
  look('request_rate', { name: 'req/s', unit: 'none', decimals: 2, width: 66 }),
  look('error_ratio', { name: 'errors', decimals: 2, steps: steps.errors, cell: 'filled', width: 70 }),
  look('http_5xx_ratio', { name: 'HTTP 5xx', decimals: 2, steps: steps.errors, cell: 'filled', width: 82 }),
  look('rejection_ratio', { name: 'queue full', decimals: 2, steps: steps.errors, cell: 'filled', width: 78 }),
  look('ttft_p95', { name: 'TTFT p95', steps: steps.ttft, cell: 'filled', width: 88 }),
  look('tpot_p95', { name: 'TPOT p95', steps: steps.tpot, cell: 'filled', width: 88 }),
  look('e2e_p95', { name: 'E2E p95', width: 84 }),
  look('queue_mean', { name: 'queue', steps: steps.queue, cell: 'filled', width: 72 }),
  look('running', { decimals: 1, width: 92 }),
  look('waiting', { decimals: 1, width: 92, steps: steps.waiting, cell: 'filled' }),
  look('kv_cache_usage_max', { name: 'KV max', width: 100, decimals: 0 }),
  look('preemption_rate', {
    name: 'preempt/s',
    width: 84,
    unit: 'none',
    decimals: 2,
    steps: steps.preemptions,
    cell: 'filled',
  }),
  look('prefix_cache_hit_ratio', { name: 'cache hits', width: 96, decimals: 0 }),
  look('generation_token_rate', { name: 'tokens/s', unit: 'none', decimals: 0, width: 84 }),
  look('prompt_token_rate', { name: 'prompt tok/s', unit: 'none', decimals: 0, width: 106 }),
];

/** Reasons by which vLLM finishes requests, the same colour wherever they are drawn. */
export const finishColours: Override[] = (
  [
    ['stop', 'green'],
    ['length', 'blue'],
    ['abort', 'orange'],
    ['repetition', 'purple'],
    ['error', 'red'],
  ] as const
).map(([reason, colour]) => look(new RegExp(`(^|finished_| )${reason}(_rate)?$`), { name: reason, colour }));

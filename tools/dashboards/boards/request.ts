import { board } from '../kit/board';
import { look, unit, words } from '../kit/fields';
import { toModelAlone } from '../kit/links';
import { barChart, chart, lines, stat, table, trace } from '../kit/panels';
import { request } from '../kit/queries';
import { empty, requestColumns } from '../kit/shared';
import { requestVariables } from '../kit/variables';

const summary = [
  ...words(`
  time request_id client_request_id model lora environment instance engine status http_status finish_reason
  error caller_service trace_id signals
`),
  // … and the columns of the answer about an id that nobody knows.
  'store',
  'searched',
  'answer',
  'what to try',
];
const neighbours = words(`
  time request_id model status e2e ttft queue prefill decode tpot prompt_tokens completion_tokens caller_service
  preemptions signals
`);
const figures = { ask: request('summary'), height: 3, empty: '–', calc: 'first', size: 16 } as const;

export const singleRequest = board({
  uid: 'vllm-request',
  title: 'vLLM: one request',
  description:
    'Everything about one request from all three stores: phases, engine state, trace, log lines, and other requests on the engine.',
  last: '1h',
  next: [
    ['Requests', 'vllm-requests'],
    ['Fleet', 'vllm-fleet'],
  ],
  variables: requestVariables,
  annotations: [],
  refresh: '',
  panels: [
    table({
      title: 'Request',
      about: {
        shows:
          'Where it ran and how it ended. Several rows are attempts that share the id, newest first; everything below is about the newest.',
        bad: 'A status other than ok, or no row at all: then the table says what each store answered.',
        do: 'Follow “what to try”; mostly the time range is too narrow.',
      },
      ask: request('summary'),
      width: 24,
      height: 4,
      empty: empty.request,
      fields: summary,
      looks: [
        ...requestColumns(summary.filter((field) => field !== 'request_id' && field !== 'model')),
        look('model', { links: [toModelAlone] }),
      ],
    }),
    stat({
      title: 'Latency',
      about: {
        shows:
          'Where the time went. first token = pre-queue + queue + prefill; unaccounted is output handling that no phase explains.',
        bad: 'The largest number is the one to act on.',
        do: 'Long queue: add replicas. Long prefill: use shorter prompts or prefix caching. Long decode: use shorter outputs or smaller batches. Long outside: check the caller and the network.',
      },
      ...figures,
      width: 24,
      unit: unit.seconds,
      show: '/^(end to end|first token|queue|prefill|decode|per token|outside|unaccounted)$/',
      looks: [
        look('e2e', { name: 'end to end' }),
        look('ttft', { name: 'first token' }),
        look('tpot', { name: 'per token' }),
        look('outside_engine', { name: 'outside' }),
      ],
    }),
    stat({
      title: 'Size, in tokens',
      about: {
        shows: 'Tokens of prompt and output. Long prompts make long prefills, long outputs long decodes.',
        bad: 'cached far below prompt on a conversation: the prefix cache missed.',
        do: 'Compare with other requests before blaming the engine; check that the router keeps sessions together.',
      },
      ...figures,
      width: 12,
      unit: unit.none,
      show: '/^(prompt|cached|output|max)$/',
      looks: [
        look('prompt_tokens', { name: 'prompt' }),
        look('cached_tokens', { name: 'cached' }),
        look('completion_tokens', { name: 'output' }),
        look('max_tokens', { name: 'max' }),
      ],
    }),
    stat({
      title: 'Engine at arrival',
      about: {
        shows: 'What the request met, at the last scrape before it came in.',
        bad: 'waiting above 0 explains queue time; KV near 100 % explains preemptions. A dash: metrics and spans name the instance differently.',
        do: 'See the engine’s graph below; for dashes, “Save & test” on the data source.',
      },
      ...figures,
      width: 12,
      unit: unit.none,
      show: '/^(running|waiting|KV cache|preempted)$/',
      looks: [
        look('kv_cache_usage', { name: 'KV cache', unit: unit.ratio, decimals: 0 }),
        look('preemptions', { name: 'preempted' }),
      ],
    }),
    barChart({
      title: 'Phases',
      about: {
        shows:
          'What the request’s time went to, from the caller’s call to its end; the trace below shows when. Without an engine span there is nothing to divide.',
        bad: 'The longest bar is the answer to why.',
        do: 'Long queue: add replicas. Long prefill: use shorter prompts or prefix caching. Long decode: use shorter outputs or smaller batches. Before and after the engine: check the caller and the network.',
      },
      ask: request('phases'),
      width: 12,
      height: 8,
      empty: empty.span,
      unit: unit.seconds,
      fields: ['phase', 'duration'],
      by: 'phase',
    }),
    chart({
      title: 'Engine around the request',
      about: {
        shows:
          'Raw samples of the engine from ten minutes before arrival to ten minutes after the end; the violet band is the request.',
        bad: 'waiting that rises before arrival is a burst of others; KV cache at 100 % is where preemptions come from.',
        do: 'Look at the neighbours at the bottom for who sent the burst.',
      },
      ask: request('engine'),
      width: 12,
      height: 8,
      empty:
        'No samples of its engine: no store knows the id in this time range, or metrics and spans name the instance differently (see “Save & test”).',
      unit: unit.count,
      fill: 0,
      looks: [look(/^(kv_cache_usage|gpu_utilization)/, { axis: 'right', unit: unit.ratio, max: 1 })],
    }),
    trace({
      title: 'Trace',
      about: {
        shows: 'The request among the services that called it.',
        bad: 'A long span above the engine’s is time that vLLM never saw. No trace: it was not sampled, or vLLM runs without --otlp-traces-endpoint.',
        do: 'Follow the long span to its service.',
      },
      ask: request('trace'),
      width: 24,
      height: 17,
      empty: empty.span,
    }),
    lines({
      title: 'Log lines',
      about: {
        shows: 'Every line that carries this request’s id, oldest first, in whichever way vLLM spells the id.',
        bad: 'None: vLLM runs without --enable-log-requests.',
        do: 'Start vLLM with --enable-log-requests, and --enable-request-id-headers for the client’s own id.',
      },
      ask: request('logs'),
      width: 24,
      height: 8,
      empty: 'No line carries this id in the time range: no such request, or vLLM runs without --enable-log-requests.',
      oldestFirst: true,
    }),
    table({
      title: 'Neighbours',
      about: {
        shows: 'Other requests that the same engine worked on meanwhile, closest first.',
        bad: 'A neighbour with a huge prompt stalls everybody’s tokens; many neighbours at once make each slower.',
        do: 'Limit prompts per batch with --max-num-batched-tokens, or give large callers their own replicas.',
      },
      ask: request('neighbours'),
      width: 24,
      height: 10,
      empty: 'Nobody shared the engine with this request, or its engine is not known.',
      fields: neighbours,
      looks: requestColumns(neighbours.filter((field) => field !== 'model')),
    }),
  ],
});

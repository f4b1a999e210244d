import { board } from '../kit/board';
import { explainedByInstance } from '../kit/explained';
import { look, steps, unit, words } from '../kit/fields';
import { toRequest } from '../kit/links';
import { chart, lines, stat, table } from '../kit/panels';
import { coverage, logs, requests } from '../kit/queries';
import { empty, requestColumns } from '../kit/shared';
import { choice, conditions, placeVariables } from '../kit/variables';

const ofStatus = { column: 'status', op: '=~', value: '$status' } as const;

const slowest = words(`
  time request_id model status e2e outside_engine queue prefill decode tpot prompt_tokens completion_tokens
  running waiting kv_cache_usage preemptions log_lines
`);
const failures = words(`
  time request_id model instance status http_status finish_reason caller_service e2e log_lines error_lines
  signals error
`);
const newest = words(`
  time request_id model instance status e2e ttft queue tpot prompt_tokens completion_tokens caller_service
  running waiting kv_cache_usage log_lines signals
`);

export const requestExplorer = board({
  uid: 'vllm-requests',
  title: 'vLLM: requests',
  description:
    'Which requests were slow or failed, what the engine was doing when they arrived, and how much of the window was seen.',
  last: '15m',
  next: [
    ['Fleet', 'vllm-fleet'],
    ['Model', 'vllm-model'],
    ['Coverage', 'vllm-coverage'],
  ],
  variables: [...placeVariables, choice('status', 'Status', 'ok,error,aborted,rejected,unknown'), conditions],
  panels: [
    stat({
      title: 'Join coverage',
      about: {
        shows: 'How much of the window the rows below rest on. log_only is normal for aborted requests.',
        bad: 'A with_model below 100 %: spans do not name their server. A lower with_engine_state: an instance has several engines, and the span names none. A stores_blind above 0: a store failed, gave an incomplete answer, or has no data.',
        do: 'Set OTEL_RESOURCE_ATTRIBUTES on vLLM; “Save & test” on the data source names what is missing. More on the coverage dashboard.',
      },
      ask: coverage({ form: 'table' }),
      width: 24,
      height: 3,
      empty: empty.requests,
      decimals: 0,
      show: '/^(rows|matched|log_only|caller_only|ambiguous|with_model|with_engine_state|log_skew|stores_blind)$/',
      calc: 'firstNotNull',
      size: 22,
      looks: [
        look(/^(rows|matched|log_only|caller_only)$/, { unit: unit.none }),
        look('with_model', { steps: steps.goodRatio }),
        look('stores_blind', { steps: steps.anything }),
        look('ambiguous', { steps: ['green', [1, 'orange']] }),
        look('log_skew', { decimals: 1 }),
      ],
    }),
    chart({
      title: 'Requests by end-to-end latency',
      about: {
        shows: 'Each point is one request, at its arrival; the 2,000 slowest of the range.',
        bad: 'A cloud that lifts off the ground is a slow time; single points above it are slow requests.',
        do: 'Click a point for everything about that request.',
      },
      ask: requests({ sort: { column: 'e2e', desc: true }, limit: 2000, filters: [ofStatus] }),
      width: 13,
      height: 9,
      empty: empty.requests,
      unit: unit.seconds,
      style: 'points',
      fields: ['time', 'request_id', 'e2e', 'ttft'],
      transformations: [{ id: 'sortBy', options: { fields: {}, sort: [{ field: 'time' }] } }],
      looks: [
        look(/^(end to end|first token|e2e|ttft)$/, { links: toRequest('__data.fields.request_id') }),
        look('e2e', { name: 'end to end', decimals: 1, points: 4 }),
        look('ttft', { name: 'first token', decimals: 1, points: 3 }),
        look('time', { unit: 'time:MM-DD HH:mm' }),
      ],
    }),
    explainedByInstance({
      title: 'Explained by rows',
      about: {
        bad: 'Below 95 %: spans or lines of that instance are lost on their way, and the tables below miss requests.',
        do: 'Look for sampling, a full collector queue, or a missing --otlp-traces-endpoint.',
      },
      width: 6,
      height: 9,
    }),
    chart({
      title: 'Log lines by level',
      about: {
        shows: 'What vLLM wrote, by level.',
        bad: 'Red and purple bars are errors and dead engines; yellow ones often announce preemptions.',
        do: 'Read the lines at the bottom.',
      },
      ask: logs({ volume: true }),
      width: 5,
      height: 9,
      empty: empty.lines,
      unit: unit.count,
      style: 'bars',
      stacked: true,
    }),
    table({
      title: 'Slowest requests',
      about: {
        shows:
          'The 20 slowest of the range. Read a row from left to right. First, where the time went (outside, queue, prefill, decode). Then, what the engine did when the request arrived.',
        bad: 'A long queue with KV near 100 %: the cache is full. A long queue with running at --max-num-seqs: too few replicas. A long outside: the network or the caller.',
        do: 'Click the request id for its phases, trace, lines and neighbours.',
      },
      ask: requests({ sort: { column: 'e2e', desc: true }, limit: 20, filters: [ofStatus] }),
      width: 24,
      height: 9,
      empty: empty.requests,
      fields: slowest,
      looks: requestColumns(slowest),
    }),
    table({
      title: 'Newest failures',
      about: {
        shows: 'Requests that failed, were aborted or refused, newest first, with the reason if a store has it.',
        bad: 'Aborted: mostly a caller that stopped waiting. Rejected with 4xx: the caller’s mistake. Rejected with 503: a full queue or a dead engine. Error: vLLM’s own failure.',
        do: 'Compare aborts with the caller’s timeout; for errors click the id and read the lines.',
      },
      ask: requests({
        sort: { column: 'time', desc: true },
        limit: 20,
        filters: [{ column: 'status', op: '=~', value: 'error|aborted|rejected' }],
      }),
      width: 24,
      height: 8,
      empty: 'No request failed, was aborted or refused in the time range.',
      fields: failures,
      looks: requestColumns(failures),
    }),
    table({
      title: 'Requests',
      about: {
        shows: 'The newest 500 requests with the chosen status. signals says which stores know the request.',
        bad: 'trace alone: its lines are lost. logs alone: it has no span, which is normal only for aborts.',
        do: 'Click a request id for everything about it, a number of lines for the lines.',
      },
      ask: requests({ sort: { column: 'time', desc: true }, limit: 500, filters: [ofStatus] }),
      width: 24,
      height: 12,
      empty: empty.requests,
      fields: newest,
      looks: requestColumns(newest),
      pages: true,
    }),
    lines({
      title: 'Warnings and errors',
      about: {
        shows: 'Lines of level warning and above, newest first.',
        bad: 'A traceback of EngineCore: the engine died, and every request in its batch with it.',
        do: 'Look for the first error, the rest follow from it.',
      },
      ask: logs({ levels: ['warning', 'error', 'critical'], limit: 200 }),
      width: 24,
      height: 10,
      empty: empty.lines,
    }),
  ],
});

import { board } from '../kit/board';
import { look, steps, unit, words } from '../kit/fields';
import { toInstance, toLogsOfInstance } from '../kit/links';
import { chart, histogram, stat, table } from '../kit/panels';
import { engine, models, promql, quantileOf, requests } from '../kit/queries';
import { empty, finishColours, modelColumns, requestColumns } from '../kit/shared';
import { oneModel } from '../kit/variables';

const quantiles = [0.5, 0.95, 0.99];
const slowest = words(`
  time request_id status e2e outside_engine queue prefill decode tpot prompt_tokens completion_tokens cached_tokens
  running waiting kv_cache_usage caller_service
`);

const latency = (metric: string, title: string, shows: string, bad: string, act: string) =>
  chart({
    title,
    about: { shows, bad, do: act },
    ask: models('timeseries', [metric], { quantiles }),
    width: 8,
    height: 9,
    empty: empty.finished,
    unit: unit.seconds,
    fill: 0,
    legend: ['mean', 'max'],
    looks: quantiles.map((q) => look(new RegExp(`_p${q * 100}$|p${q * 100}$`), { name: `p${q * 100}` })),
  });

export const model = board({
  uid: 'vllm-model',
  title: 'vLLM: model',
  description: 'One model: what its users see, where their time goes, and whether its replicas share the work.',
  last: '30m',
  next: [
    ['Fleet', 'vllm-fleet'],
    ['Requests', 'vllm-requests'],
    ['KV cache', 'vllm-kv-cache'],
    ['SLO', 'vllm-slo'],
  ],
  variables: oneModel,
  panels: [
    stat({
      title: '$model',
      about: {
        shows: 'The model over the whole time range.',
        bad: 'A coloured number: errors above 1 %, TTFT p95 above 1 s, TPOT p95 above 50 ms, waiting above 1, a KV cache above 90 %.',
        do: 'The row below that shows the same figure over time says since when.',
      },
      ask: models(
        'table',
        words(
          'request_rate error_ratio ttft tpot e2e running waiting kv_cache_usage_max prefix_cache_hit_ratio generation_token_rate'
        ),
        { quantiles: [0.95] }
      ),
      width: 24,
      height: 4,
      empty: 'No engine scraped',
      show: '/^(req.s|errors|TTFT p95|TPOT p95|E2E p95|running|waiting|KV max|cache hits|tokens.s)$/',
      calc: 'firstNotNull',
      size: 24,
      looks: [
        look('request_rate', { name: 'req/s', unit: unit.none, decimals: 2 }),
        look('error_ratio', { name: 'errors', decimals: 2, steps: ['text', [0.01, 'orange'], [0.05, 'red']] }),
        look('ttft_p95', { name: 'TTFT p95', steps: ['text', [1, 'orange'], [2.5, 'red']] }),
        look('tpot_p95', { name: 'TPOT p95', steps: ['text', [0.05, 'orange'], [0.2, 'red']] }),
        look('e2e_p95', { name: 'E2E p95' }),
        look('running', { decimals: 1 }),
        look('waiting', { decimals: 1, steps: steps.count }),
        look('kv_cache_usage_max', { name: 'KV max', decimals: 0, steps: ['text', [0.9, 'orange'], [0.95, 'red']] }),
        look('prefix_cache_hit_ratio', { name: 'cache hits', decimals: 0, steps: steps.plain }),
        look('generation_token_rate', { name: 'tokens/s', unit: unit.none, decimals: 0 }),
      ],
    }),

    'What users see',
    latency(
      'ttft',
      'Time to first token',
      'Arrival to first token: how long the screen stays empty.',
      'p99 far above p50 is waiting. All rising together is prefill: longer prompts, or a prefix cache that no longer hits.',
      'Waiting: add replicas. Prefill: shorten prompts, or lower --max-num-batched-tokens so that others’ tokens are not held up.'
    ),
    latency(
      'tpot',
      'Time per output token',
      'Seconds per token after the first: how fast the text runs.',
      'Above 50 ms a reader notices.',
      'It grows with the batch: lower --max-num-seqs or add replicas; spikes beside preemptions come from a full KV cache.'
    ),
    latency(
      'e2e',
      'End-to-end latency',
      'Arrival to last token: waiting, prompt and output length in one.',
      'Rising while the other two are flat: outputs have become longer.',
      'See output length below, and who asks for it among the requests.'
    ),

    'Where the time goes',
    chart({
      title: 'Mean time per request, by phase',
      about: {
        shows: 'Mean queue, prefill and decode time of the requests that finished, on top of each other.',
        bad: 'Queue that is visible at all; prefill that grows without longer prompts.',
        do: 'Long queue: add replicas. Long prefill: use prefix caching. Long decode: use shorter outputs or smaller batches.',
      },
      ask: models('timeseries', words('queue_mean prefill_mean decode_mean')),
      width: 8,
      height: 8,
      empty: empty.finished,
      unit: unit.seconds,
      stacked: true,
      looks: words('queue prefill decode').map((phase) => look(new RegExp(`${phase}_mean`), { name: phase })),
    }),
    chart({
      title: 'Prompt and output length',
      about: {
        shows: 'Tokens of prompt and output: what half and what 95 of 100 requests stay below.',
        bad: 'A jump: another kind of request came in, and everything above follows from it.',
        do: 'Sort the requests by prompt_tokens and look at the caller.',
      },
      ask: ['prompt', 'generation'].flatMap((kind) =>
        [0.5, 0.95].map((q) =>
          promql(
            quantileOf(q, `vllm:request_${kind}_tokens`, (metric) => `rate(${engine(metric)}[$__rate_interval])`),
            `${kind === 'prompt' ? 'prompt' : 'output'} p${q * 100}`
          )
        )
      ),
      width: 8,
      height: 8,
      empty: empty.finished,
      unit: unit.count,
      fill: 0,
    }),
    histogram({
      title: 'End-to-end latency, every request',
      about: {
        shows:
          'How many requests took how long: every joined request of the range, up to 5,000, not the buckets of a histogram.',
        bad: 'A second hill to the right: some requests are of another kind, or met another engine.',
        do: 'Sort the requests by e2e and see what the slow ones have in common.',
      },
      ask: requests({
        sort: { column: 'time', desc: true },
        limit: 5000,
        filters: [{ column: 'status', op: '=', value: 'ok' }],
      }),
      width: 8,
      height: 8,
      empty: empty.requests,
      unit: unit.seconds,
      fields: ['e2e'],
    }),

    'Load',
    chart({
      title: 'Running and waiting',
      about: {
        shows:
          'Requests in the batches, and those queued: for room (capacity), or for a LoRA slot, remote KV or a grammar (deferred).',
        bad: 'Waiting above zero for minutes. Deferred: the batch has room, something else is missing.',
        do: 'Capacity: add replicas. Deferred: see speculative decoding and LoRA, or prefill/decode split.',
      },
      ask: models('timeseries', words('running waiting_capacity waiting_deferred')),
      width: 8,
      height: 8,
      empty: empty.engines,
      unit: unit.count,
      looks: [
        look(/running/, { name: 'running' }),
        look(/waiting_capacity/, { name: 'waiting: capacity', colour: 'orange' }),
        look(/waiting_deferred/, { name: 'waiting: deferred', colour: 'purple' }),
      ],
    }),
    chart({
      title: 'How requests end',
      about: {
        shows: 'Finished requests per second by reason. A client that hangs up is not counted by vLLM.',
        bad: 'length that grows: answers are cut by max_tokens. error or abort at all.',
        do: 'length: raise max_tokens or ask for less. error, abort: see the newest failures among the requests.',
      },
      ask: models('timeseries', words('finished_stop finished_length finished_abort finished_repetition error_rate')),
      width: 8,
      height: 8,
      empty: empty.engines,
      unit: unit.requestsPerSecond,
      stacked: true,
      looks: finishColours,
    }),
    chart({
      title: 'KV cache and prefix cache',
      about: {
        shows: 'Use of the KV cache by the fullest engine, and the share of prompt tokens found in the prefix cache.',
        bad: 'Use near 100 %; hits that collapse.',
        do: 'See the KV cache dashboard.',
      },
      ask: models('timeseries', words('kv_cache_usage_max prefix_cache_hit_ratio')),
      width: 8,
      height: 8,
      empty: empty.engines,
      unit: unit.ratio,
      max: 1,
      looks: [
        look(/kv_cache_usage_max/, { name: 'KV cache, fullest' }),
        look(/prefix_cache_hit_ratio/, { name: 'prefix cache hits' }),
      ],
    }),

    'Replicas',
    table({
      title: 'Instances side by side',
      about: {
        shows: 'One row per instance over the time range.',
        bad: 'One replica with twice the load or latency of the others: requests queue there while others have room.',
        do: 'Look at the router’s policy and at long-lived connections. Runbook: VLLMReplicaImbalance.',
      },
      ask: models(
        'table',
        words('request_rate error_ratio ttft tpot running waiting kv_cache_usage_max generation_token_rate'),
        { groupBy: ['environment', 'instance'], quantiles: [0.95] }
      ),
      width: 17,
      height: 7,
      empty: empty.engines,
      looks: [look('instance', { links: [toInstance, toLogsOfInstance], width: 180 }), ...modelColumns],
      sortBy: { field: 'running', desc: true },
    }),
    chart({
      title: 'Running, by instance',
      about: {
        shows: 'Requests in the batch of each instance.',
        bad: 'Lines that drift apart: the load is not shared.',
        do: 'Look at the router’s policy; prefix-aware routing trades balance for cache hits.',
      },
      ask: models('timeseries', ['running'], { groupBy: ['instance'] }),
      width: 7,
      height: 7,
      empty: empty.engines,
      unit: unit.count,
      name: '${__field.labels.instance}',
    }),
    table({
      title: 'Slowest requests',
      about: {
        shows:
          'The ten slowest of the range: where the time went, then what the engine was doing when the request came in.',
        bad: 'A long queue with KV near 100 %: the cache is full. A long queue with running at --max-num-seqs: too few replicas. A long outside: the network or the caller.',
        do: 'Click the request id for its phases, trace, lines and neighbours.',
      },
      ask: requests({ sort: { column: 'e2e', desc: true }, limit: 10 }),
      width: 24,
      height: 9,
      empty: empty.requests,
      fields: slowest,
      looks: requestColumns(slowest),
    }),
  ],
});

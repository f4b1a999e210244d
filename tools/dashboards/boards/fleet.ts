import { board } from '../kit/board';
import { look, steps, unit, words } from '../kit/fields';
import { toModel, toModelOfSeries, toRequestsOfModel } from '../kit/links';
import { chart, table } from '../kit/panels';
import { models } from '../kit/queries';
import { empty, modelColumns } from '../kit/shared';

const quantiles = [0.95];
const perModel = { name: '${__field.labels.model}', links: [toModelOfSeries] };

export const fleet = board({
  uid: 'vllm-fleet',
  title: 'vLLM: fleet',
  description:
    'The state of every model: traffic, latency, queue, KV cache and throughput, from the engines themselves.',
  last: '30m',
  next: [
    ['Health', 'vllm-health'],
    ['Model', 'vllm-model'],
    ['Requests', 'vllm-requests'],
    ['SLO', 'vllm-slo'],
  ],
  panels: [
    table({
      title: 'Models',
      about: {
        shows:
          'One row per model over the whole range, most waiting requests first. Hidden columns hold each quantile’s bucket bounds and, where all requests could be had, the exact value.',
        bad: 'Orange and red cells: errors, a queue that does not drain, a KV cache near full.',
        do: 'Click the model for its own page, or for its requests.',
      },
      ask: models(
        'table',
        words(`
  request_rate error_ratio ttft tpot e2e running waiting kv_cache_usage_max preemption_rate
  prefix_cache_hit_ratio generation_token_rate
`),
        { groupBy: ['environment', 'model'], quantiles }
      ),
      width: 24,
      height: 7,
      empty: empty.engines,
      looks: [look('model', { links: [toModel, toRequestsOfModel] }), ...modelColumns],
      sortBy: { field: 'waiting', desc: true },
    }),

    'Traffic',
    chart({
      title: 'Requests finished',
      about: {
        shows: 'Finished requests per second, by model.',
        bad: 'A drop to zero while callers still call: vLLM is down or refuses. A rise explains a queue.',
        do: 'Look at the errors beside it, then at the health dashboard for targets that are down.',
      },
      ask: models('timeseries', ['request_rate']),
      width: 12,
      height: 9,
      empty: empty.engines,
      unit: unit.requestsPerSecond,
      legend: ['mean', 'max'],
      ...perModel,
    }),
    chart({
      title: 'Errors and rejections',
      about: {
        shows:
          'Requests that failed in the engine, that a full queue refused, and HTTP 5xx answers. A kind that is not drawn is not counted by this vLLM version.',
        bad: 'Anything above zero.',
        do: 'Open the request explorer: it lists the newest failures with their reason.',
      },
      ask: models('timeseries', ['error_rate', 'rejection_rate', 'http_5xx_rate']),
      width: 12,
      height: 9,
      empty: empty.engines,
      unit: unit.requestsPerSecond,
      legend: ['max'],
    }),

    'Latency, p95',
    ...(
      [
        [
          'ttft',
          'Time to first token',
          'Arrival to first token.',
          'Rising with Waiting: requests queue. Rising alone: longer prompts, or a prefix cache that no longer hits.',
          'Queue: add replicas. Prefill: look at prompt length and cache hits on the model’s page; lower --max-num-batched-tokens.',
        ],
        [
          'tpot',
          'Time per output token',
          'Seconds per token after the first.',
          'Above 50 ms a reader notices. It grows with the number of running requests; spikes beside preemptions come from a full KV cache.',
          'Lower --max-num-seqs or add replicas.',
        ],
        [
          'e2e',
          'End-to-end latency',
          'Arrival to last token. It mixes waiting, prompt and output length, so read it after the other two.',
          'It rises while the other two are flat: outputs have become longer.',
          'See output length on the model’s page, and who asks for it among the requests.',
        ],
      ] as const
    ).map(([metric, title, shows, bad, act]) =>
      chart({
        title,
        about: { shows: `${shows} 95 of 100 requests are faster.`, bad, do: act },
        ask: models('timeseries', [metric], { quantiles: [0.95] }),
        width: 8,
        height: 9,
        empty: empty.finished,
        unit: unit.seconds,
        legend: ['max'],
        ...perModel,
      })
    ),

    'Scheduler',
    chart({
      title: 'Running',
      about: {
        shows: 'Requests in the batches of all engines.',
        bad: 'A flat line at replicas × --max-num-seqs: the batches are full, what comes more must wait.',
        do: 'Add replicas; raise --max-num-seqs only while the KV cache has room.',
      },
      ask: models('timeseries', ['running']),
      width: 8,
      height: 9,
      empty: empty.engines,
      unit: unit.count,
      legend: ['max'],
      ...perModel,
    }),
    chart({
      title: 'Waiting',
      about: {
        shows: 'Requests queued before the engines.',
        bad: 'Above zero for minutes: demand exceeds capacity, and every waiting request adds to time to first token.',
        do: 'Add replicas, or find who sends the burst in the request explorer.',
      },
      ask: models('timeseries', ['waiting']),
      width: 8,
      height: 9,
      empty: empty.engines,
      unit: unit.count,
      legend: ['max'],
      ...perModel,
    }),
    chart({
      title: 'KV cache, fullest engine',
      about: {
        shows: 'Highest use of any engine of the model.',
        bad: 'Above the dashed line the scheduler preempts: finished work is thrown away and done again.',
        do: 'Lower --max-model-len or --max-num-seqs, raise --gpu-memory-utilization, or add replicas.',
      },
      ask: models('timeseries', ['kv_cache_usage_max']),
      width: 8,
      height: 9,
      empty: empty.engines,
      unit: unit.ratio,
      max: 1,
      steps: ['transparent', [0.95, 'red']],
      limits: true,
      legend: ['max'],
      ...perModel,
    }),

    'Throughput',
    ...(
      [
        [
          'prompt_token_rate',
          'Prompt tokens',
          unit.tokensPerSecond,
          'Prompt tokens per second, cached ones included.',
          'A jump without more requests: longer prompts, and so longer prefills for everybody in the batch.',
          'Find the caller among the requests, sorted by prompt_tokens.',
        ],
        [
          'generation_token_rate',
          'Output tokens',
          unit.tokensPerSecond,
          'Generated tokens per second: the work that is delivered.',
          'Falling while Running stays high: decode got slower.',
          'Look at time per output token and at preemptions.',
        ],
        [
          'prefix_cache_hit_ratio',
          'Prefix cache hits',
          unit.ratio,
          'Share of looked-up prompt tokens found in the prefix cache.',
          'A collapse makes every prompt expensive.',
          'Look for a changed system prompt, a router that no longer keeps sessions together, or a cache pushed out by load.',
        ],
        [
          'preemption_rate',
          'Preemptions',
          unit.eventsPerSecond,
          'Requests removed from the batch because the KV cache is full, per second.',
          'Anything lasting: work is done twice.',
          'See KV cache for what to change.',
        ],
      ] as const
    ).map(([metric, title, of, shows, bad, act]) =>
      chart({
        title,
        about: { shows, bad, do: act },
        ask: models('timeseries', [metric]),
        width: 6,
        height: 8,
        empty: empty.engines,
        unit: of,
        ...(of === unit.ratio && { max: 1, steps: steps.plain }),
        ...perModel,
      })
    ),
  ],
});

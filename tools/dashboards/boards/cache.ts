import { board } from '../kit/board';
import { look, unit, words } from '../kit/fields';
import { toInstance } from '../kit/links';
import { chart, table } from '../kit/panels';
import { engine, instant, models, once, promql, quantileOf, requests, server } from '../kit/queries';
import { empty, requestColumns } from '../kit/shared';

const perInstance = '${__field.labels.instance}';
const rate = (metric: string, extra?: string) => `rate(${engine(metric, extra)}[$__rate_interval])`;
const quantile = (q: number, metric: string) => quantileOf(q, metric, rate);
const preempted = words(`
  time request_id model status preemptions e2e queue prefill decode prompt_tokens completion_tokens running
  waiting kv_cache_usage
`);

export const cache = board({
  uid: 'vllm-kv-cache',
  title: 'vLLM: KV cache and scheduler',
  description:
    'Whether batches and caches have free space, what requests wait for, and what vLLM computes twice because a cache is full.',
  last: '30m',
  next: [
    ['Health', 'vllm-health'],
    ['Model', 'vllm-model'],
    ['Split and KV transfer', 'vllm-disaggregation'],
  ],
  panels: [
    'Room',
    chart({
      title: 'KV cache in use, by engine',
      about: {
        shows: 'Share of KV blocks that running requests hold. Blocks that only the prefix cache keeps count as free.',
        bad: 'Above the dashed line the next long prompt preempts. One engine far above the others: the load is not shared.',
        do: 'Lower --max-model-len or --max-num-seqs, raise --gpu-memory-utilization, use an FP8 KV cache, or add replicas.',
      },
      ask: models('timeseries', ['kv_cache_usage_max'], { groupBy: ['instance', 'engine'] }),
      width: 12,
      height: 9,
      empty: empty.engines,
      unit: unit.ratio,
      max: 1,
      steps: ['transparent', [0.9, 'red']],
      limits: true,
      name: '${__field.labels.instance} / ${__field.labels.engine}',
      legend: ['mean', 'max'],
    }),
    chart({
      title: 'Preemptions',
      about: {
        shows:
          'Requests thrown out of the batch per second, by instance: their cache is dropped, prompt and output so far are computed again.',
        bad: 'Anything lasting. Thirty a minute of one engine are a storm, and marked on the graphs.',
        do: 'Give the cache room (see the panel beside), or let fewer requests in. Runbook: VLLMPreemptionStorm.',
      },
      ask: models('timeseries', ['preemption_rate'], { groupBy: ['instance'] }),
      width: 12,
      height: 9,
      empty: empty.engines,
      unit: unit.eventsPerSecond,
      name: perInstance,
      legend: ['mean', 'max'],
    }),
    table({
      title: 'Requests whose engine preempted',
      about: {
        shows:
          'The slowest requests during which the engine preempted, with how often. The request itself need not have been thrown out.',
        bad: 'Decode far longer than its output explains.',
        do: 'Click the id and look at its neighbours for who filled the cache.',
      },
      ask: requests({
        sort: { column: 'e2e', desc: true },
        limit: 20,
        filters: [{ column: 'preemptions', op: '>', value: '0' }],
      }),
      width: 24,
      height: 7,
      empty: 'No engine preempted while a request of this choice ran: the cache had room.',
      fields: preempted,
      looks: requestColumns(preempted),
    }),

    'Scheduler',
    chart({
      title: 'Running and waiting',
      about: {
        shows:
          'Requests in the batches, and requests that wait. Capacity: they wait for the batch or the cache. Deferred: they wait for a LoRA slot, remote KV or a grammar.',
        bad: 'Waiting for minutes. Running flat at replicas × --max-num-seqs.',
        do: 'Capacity: add replicas. Deferred: raise --max-loras, or look at KV transfer.',
      },
      ask: models('timeseries', words('running waiting_capacity waiting_deferred'), { groupBy: ['environment'] }),
      width: 8,
      height: 8,
      empty: empty.engines,
      unit: unit.count,
    }),
    chart({
      title: 'Mean time in the queue',
      about: {
        shows: 'Mean seconds from arrival in the engine to the first step, of requests that finished; by model.',
        bad: 'Above two seconds most limits on TTFT are broken by waiting alone.',
        do: 'Add replicas. Runbook: VLLMQueueTimeHigh.',
      },
      ask: models('timeseries', ['queue_mean']),
      width: 8,
      height: 8,
      empty: empty.finished,
      unit: unit.seconds,
      steps: ['transparent', [2, 'red']],
      name: '${__field.labels.model}',
    }),
    chart({
      title: 'Tokens per engine step',
      about: {
        shows:
          'Prompt and output tokens that one step of an engine works on: half of the steps, and all but one in twenty, stay below.',
        bad: 'p95 at --max-num-batched-tokens: prefills fill the steps, and every running request waits for them.',
        do: 'Lower --max-num-batched-tokens for smoother output, raise it for throughput.',
      },
      ask: [0.5, 0.95].map((q) => promql(quantile(q, 'vllm:iteration_tokens_total'), `p${q * 100}`)),
      width: 8,
      height: 8,
      empty: 'No engine made a step in the time range. (The Rust front end does not count steps.)',
      unit: unit.count,
      fill: 0,
    }),

    'Prefix cache',
    chart({
      title: 'Hits in the prefix cache',
      about: {
        shows: 'Share of looked-up prompt tokens that were in the engine’s own cache, by model.',
        bad: 'Below half of yesterday’s: prompts no longer begin with the same text, or the router no longer sends them to the same replica.',
        do: 'Keep what varies out of the prompt’s head; route by session or prefix. Runbook: VLLMPrefixCacheCollapse.',
      },
      ask: models('timeseries', ['prefix_cache_hit_ratio']),
      width: 8,
      height: 8,
      empty: empty.engines,
      unit: unit.ratio,
      max: 1,
      name: '${__field.labels.model}',
    }),
    chart({
      title: 'Where prompt tokens come from',
      about: {
        shows:
          'Prompt tokens per second: computed, found in the local cache, or taken over from another engine (vLLM 0.16 and newer).',
        bad: 'local_compute grows while the traffic does not.',
        do: 'Only computed tokens cost prefill time: win back cache hits, or add prefill capacity.',
      },
      ask: promql(`sum by (source) (${rate('vllm:prompt_tokens_by_source_total')})`, '{{source}}'),
      width: 8,
      height: 8,
      empty: 'vLLM before 0.16 does not say where prompt tokens come from.',
      unit: unit.tokensPerSecond,
      stacked: true,
    }),
    chart({
      title: 'Cached tokens, by tier',
      about: {
        shows:
          'Prompt tokens per second that a cache supplied: GPU memory (device), host memory, disk, another engine (p2p). vLLM newer than 0.27.',
        bad: 'host and disk at zero although offloading is configured.',
        do: 'Check the connector in --kv-transfer-config and the size of its tier.',
      },
      ask: promql(`sum by (source) (${rate('vllm:prompt_tokens_cached_by_source_total')})`, '{{source}}'),
      width: 8,
      height: 8,
      empty: 'vLLM 0.27 and older do not count tiers apart; see “Where prompt tokens come from”.',
      unit: unit.tokensPerSecond,
      stacked: true,
    }),

    'How long blocks live, and what was configured',
    chart({
      title: 'Lifetime of KV blocks',
      about: {
        shows: 'How long a sampled block stays in the cache, and how long it lay idle before it was evicted (medians).',
        bad: 'A lifetime shorter than the pause between two turns of a conversation: its cache is gone when the user answers.',
        do: 'Give the cache room, or offload it to host memory.',
      },
      ask: [
        promql(quantile(0.5, 'vllm:kv_block_lifetime_seconds'), 'lifetime p50'),
        promql(quantile(0.5, 'vllm:kv_block_idle_before_evict_seconds'), 'idle before eviction p50'),
      ],
      width: 6,
      height: 8,
      empty: 'No engine samples its blocks: start vLLM with --kv-cache-metrics (0.12 and newer).',
      unit: unit.seconds,
      fill: 0,
    }),
    table({
      title: 'Configuration of the cache',
      about: {
        shows:
          'What each engine reports: capacity in tokens, how many requests of full length fit at once, blocks, and what they were made of.',
        bad: 'Replicas of one model that differ. Fewer full-length requests than --max-num-seqs invites preemptions if prompts are long.',
        do: 'Set the same --gpu-memory-utilization, --max-model-len and --kv-cache-dtype on all replicas.',
      },
      ask: instant(once(server('vllm:cache_config_info'))),
      width: 18,
      height: 8,
      empty: 'No engine reports its cache: none was scraped, or it runs the Rust front end, which does not.',
      fields: words(`
        instance engine kv_cache_size_tokens kv_cache_max_concurrency num_gpu_blocks block_size cache_dtype
        gpu_memory_utilization enable_prefix_caching
      `),
      // A label is text.
      transformations: [
        {
          id: 'convertFieldType',
          options: {
            conversions: [{ targetField: 'kv_cache_max_concurrency', destinationType: 'number' }],
            fields: {},
          },
        },
      ],
      looks: [
        look('instance', { links: [toInstance], width: 160 }),
        look('engine', { width: 66 }),
        look('kv_cache_size_tokens', { name: 'tokens' }),
        look('kv_cache_max_concurrency', { name: 'full requests', unit: unit.none, decimals: 1, width: 110 }),
        look('num_gpu_blocks', { name: 'blocks' }),
        look('block_size', { name: 'block' }),
        look('cache_dtype', { name: 'dtype' }),
        look('gpu_memory_utilization', { name: 'GPU share', width: 90 }),
        look('enable_prefix_caching', { name: 'prefix cache', width: 104 }),
      ],
    }),
  ],
});

import { board } from '../kit/board';
import { look, unit, words } from '../kit/fields';
import { toInstance } from '../kit/links';
import { chart, table } from '../kit/panels';
import { engine, models, promql, quantileOf, sumOf } from '../kit/queries';
import { empty } from '../kit/shared';

const rate = (metric: string, extra?: string) => `rate(${engine(metric, extra)}[$__rate_interval])`;
const quantile = (q: number, metric: string) => quantileOf(q, metric, rate);
const noNixl =
  'No engine of this choice moves KV cache with NIXL: these figures come with --kv-transfer-config and NixlConnector. Without it each engine does prefill and decode itself.';
const noOffload = 'No engine of this choice offloads its KV cache: these figures come with the OffloadingConnector.';

export const disaggregation = board({
  uid: 'vllm-disaggregation',
  title: 'vLLM: prefill/decode split and KV transfer',
  description: 'Whether prefill and decode are in balance, and whether KV blocks reach the decode side in time.',
  last: '30m',
  next: [
    ['KV cache', 'vllm-kv-cache'],
    ['Model', 'vllm-model'],
  ],
  panels: [
    'Balance',
    table({
      title: 'Prefill and decode by instance',
      about: {
        shows:
          'Where each instance spends its time. With a split, prefill instances generate one token per request, and decode instances have prompts that they did not compute.',
        bad: 'One side with a queue while the other has none: the split is out of balance.',
        do: 'Move replicas from the idle side to the other.',
      },
      ask: models(
        'table',
        words(
          'request_rate queue_mean prefill_mean decode_mean prompt_tokens_mean generation_tokens_mean waiting waiting_deferred running'
        ),
        { groupBy: ['model', 'instance'] }
      ),
      width: 24,
      height: 8,
      empty: empty.engines,
      looks: [
        look('instance', { links: [toInstance], width: 180 }),
        look('request_rate', { name: 'req/s', unit: unit.none, decimals: 2, width: 66 }),
        look('queue_mean', { name: 'queue', width: 86 }),
        look('prefill_mean', { name: 'prefill', width: 86 }),
        look('decode_mean', { name: 'decode', width: 86 }),
        look('prompt_tokens_mean', { name: 'prompt', unit: unit.none, decimals: 0, width: 78 }),
        look('generation_tokens_mean', { name: 'output', unit: unit.none, decimals: 0, width: 78 }),
        look('waiting', { decimals: 1, width: 82 }),
        look('waiting_deferred', { name: 'deferred', decimals: 1, width: 84 }),
        look('running', { decimals: 1, width: 80 }),
      ],
    }),
    chart({
      title: 'Where prompt tokens come from',
      about: {
        shows: 'Prompt tokens per second: computed here, found in the local cache, or taken over from another engine.',
        bad: 'local_compute on decode instances: the cache did not get across, and is computed again.',
        do: 'See failed transfers below; check that both sides use the same block size and layout.',
      },
      ask: promql(`sum by (source) (${rate('vllm:prompt_tokens_by_source_total')})`, '{{source}}'),
      width: 8,
      height: 8,
      empty: 'vLLM before 0.16 does not say where prompt tokens come from.',
      unit: unit.tokensPerSecond,
      stacked: true,
    }),
    chart({
      title: 'Hits in external cache',
      about: {
        shows:
          'Share of prompt tokens that the KV connector was asked for and had, by model. A flat line is missing where there is no connector.',
        bad: 'Near zero with a connector: the other side has nothing, or is not reached.',
        do: 'Check the connector’s addresses and its lines.',
      },
      ask: promql(
        `sum by (model_name) (${rate('vllm:external_prefix_cache_hits_total')}) / (sum by (model_name) (${rate('vllm:external_prefix_cache_queries_total')}) > 0)`,
        '{{model_name}}'
      ),
      width: 8,
      height: 8,
      empty: 'No engine of this choice asks a KV connector: --kv-transfer-config is not set.',
      unit: unit.ratio,
      max: 1,
    }),
    chart({
      title: 'Waiting for remote KV',
      about: {
        shows: 'Requests deferred although the batch has room: with a split, mostly for their cache; by model.',
        bad: 'Growing on decode instances: transfers are slower than prefill.',
        do: 'See time per transfer below; check the network between both sides.',
      },
      ask: models('timeseries', ['waiting_deferred']),
      width: 8,
      height: 8,
      empty: 'vLLM before 0.20 does not say why requests wait.',
      unit: unit.count,
      name: '${__field.labels.model}',
    }),

    'Transfer by NIXL',
    chart({
      title: 'Time per transfer',
      about: {
        shows: 'How long one transfer of KV cache takes, measured where it is pulled to: the decode side.',
        bad: 'p95 beyond what TTFT has to spare; spikes beside other traffic of the network.',
        do: 'Keep both sides on one fabric; check that RDMA is used and not TCP.',
      },
      ask: [0.5, 0.95].map((q) => promql(quantile(q, 'vllm:nixl_xfer_time_seconds'), `p${q * 100}`)),
      width: 8,
      height: 8,
      empty: noNixl,
      unit: unit.seconds,
      fill: 0,
    }),
    chart({
      title: 'Bytes moved',
      about: {
        shows: 'KV cache per second that NIXL moved, by instance.',
        bad: 'Flat at the link’s speed: the network is the limit.',
        do: 'More links per node, an FP8 KV cache, or fewer decode instances per prefill.',
      },
      ask: promql(`sum by (instance) (${sumOf('vllm:nixl_bytes_transferred', rate)})`, '{{instance}}'),
      width: 8,
      height: 8,
      empty: noNixl,
      unit: unit.bytesPerSecond,
    }),
    chart({
      title: 'Transfers that failed or came too late',
      about: {
        shows:
          'Failed transfers and notifications, and requests whose cache expired on the prefill side before anybody fetched it.',
        bad: 'Any: the prompt is computed again, or the request fails.',
        do: 'Read the lines of both sides. Runbook: VLLMKVTransferFailures.',
      },
      ask: [
        promql(`sum(${rate('vllm:nixl_num_failed_transfers_total')})`, 'failed transfers'),
        promql(`sum(${rate('vllm:nixl_num_failed_notifications_total')})`, 'failed notifications'),
        promql(`sum(${rate('vllm:nixl_num_kv_expired_reqs_total')})`, 'expired'),
      ],
      width: 8,
      height: 8,
      empty: noNixl,
      unit: unit.eventsPerSecond,
    }),

    'Offloading to host memory',
    chart({
      title: 'Bytes stored and loaded',
      about: {
        shows: 'KV cache per second that went to host memory, and came back.',
        bad: 'Stores without loads: what is kept is not asked for again.',
        do: 'Turn offloading off for traffic without repeated prompts.',
      },
      ask: [
        promql(`sum(${rate('vllm:kv_offload_store_bytes_total')})`, 'stored'),
        promql(`sum(${rate('vllm:kv_offload_load_bytes_total')})`, 'loaded'),
      ],
      width: 12,
      height: 8,
      empty: noOffload,
      unit: unit.bytesPerSecond,
    }),
    chart({
      title: 'Host cache in use',
      about: {
        shows: 'Share of the host’s tier that is in use, by instance.',
        bad: 'Full, with stores skipped: it is too small for the traffic.',
        do: 'Raise --kv-offloading-size.',
      },
      ask: promql(`max by (instance) (${engine('vllm:kv_offload_cpu_cache_usage_perc')})`, '{{instance}}'),
      width: 12,
      height: 8,
      empty: noOffload,
      unit: unit.ratio,
      max: 1,
    }),
  ],
});

import { board } from '../kit/board';
import { look, steps, unit, unknownAs, words } from '../kit/fields';
import { toInstance, toModel } from '../kit/links';
import { chart, table } from '../kit/panels';
import { engine, happened, instant, models, promql, requests, server } from '../kit/queries';
import { requestColumns } from '../kit/shared';

const rate = (metric: string) => `rate(${engine(metric)}[$__rate_interval])`;
const perModel = '${__field.labels.model}';
const notSpeculating = 'No engine of this choice speculates: vLLM has these figures only with --speculative-config.';
const noAdapters = 'No server of this choice serves LoRA adapters (--enable-lora).';
/** An adapter list that is empty has no label in Prometheus, and so would have no column. */
const named = (label: string, expr: string) => `label_replace(${expr}, "${label}", "none", "${label}", "")`;
const withAdapter = words(
  'time request_id model lora instance status ttft e2e prompt_tokens completion_tokens caller_service'
);

export const decoding = board({
  uid: 'vllm-decoding',
  title: 'vLLM: speculative decoding and LoRA',
  description: 'Whether speculative decoding saves time, and whether adapters get a slot.',
  last: '30m',
  next: [
    ['Model', 'vllm-model'],
    ['KV cache', 'vllm-kv-cache'],
  ],
  panels: [
    'Speculative decoding',
    chart({
      title: 'Drafted tokens that were kept',
      about: {
        shows: 'Accepted over drafted tokens, by model.',
        bad: 'Below the dashed line drafting costs more than it saves.',
        do: 'Draft fewer tokens, take a draft model closer to the traffic, or turn it off. Runbook: VLLMSpecDecodeAcceptanceLow.',
      },
      ask: models('timeseries', ['spec_decode_acceptance_ratio']),
      width: 8,
      height: 8,
      empty: notSpeculating,
      unit: unit.ratio,
      max: 1,
      steps: ['red', [0.3, 'transparent']],
      limits: true,
      name: perModel,
    }),
    chart({
      title: 'Tokens per draft',
      about: {
        shows: 'Mean tokens that one step yields, the bonus token included: 1 is decoding without drafts.',
        bad: 'Near 1: the drafts are thrown away.',
        do: 'Compare with time per output token: it should fall as this rises.',
      },
      ask: models('timeseries', ['spec_decode_acceptance_length']),
      width: 8,
      height: 8,
      empty: notSpeculating,
      unit: unit.count,
      name: perModel,
    }),
    chart({
      title: 'Acceptance by position',
      about: {
        shows: 'How often the first, second, … drafted token was kept.',
        bad: 'Late positions near zero: work for nothing.',
        do: 'Set num_speculative_tokens to the last position that pays.',
      },
      ask: promql(
        `sum by (position) (${rate('vllm:spec_decode_num_accepted_tokens_per_pos_total')}) / on () group_left () (sum(${rate('vllm:spec_decode_num_drafts_total')}) > 0)`,
        'position {{position}}'
      ),
      width: 8,
      height: 8,
      empty: notSpeculating,
      unit: unit.ratio,
      max: 1,
    }),
    chart({
      title: 'Drafted and kept',
      about: {
        shows: 'Tokens per second that were drafted, and that were kept.',
        bad: 'The gap is work for nothing; under load it takes time from other requests.',
        do: 'Draft fewer tokens (num_speculative_tokens), or turn drafting off.',
      },
      ask: [
        promql(`sum(${rate('vllm:spec_decode_num_draft_tokens_total')})`, 'drafted'),
        promql(`sum(${rate('vllm:spec_decode_num_accepted_tokens_total')})`, 'kept'),
      ],
      width: 8,
      height: 8,
      empty: notSpeculating,
      unit: unit.tokensPerSecond,
    }),
    table({
      title: 'Models that speculate',
      about: {
        shows: 'Acceptance beside what it is for: time per output token.',
        bad: 'A low acceptance without a better time per output token than the same model had before.',
        do: 'Compare by the time range before drafting was turned on.',
      },
      ask: models('table', words('spec_decode_acceptance_ratio spec_decode_acceptance_length tpot running'), {
        groupBy: ['environment', 'model'],
        quantiles: [0.5, 0.95],
      }),
      width: 16,
      height: 8,
      empty: notSpeculating,
      looks: [
        look(/_(exact|low|high)$/, { hidden: true }),
        look('model', { links: [toModel] }),
        look('environment', { width: 100 }),
        look('spec_decode_acceptance_ratio', {
          name: 'kept',
          decimals: 0,
          steps: steps.acceptance,
          cell: 'coloured',
          width: 80,
          mappings: [unknownAs('no drafts')],
        }),
        look('spec_decode_acceptance_length', { name: 'per draft', decimals: 2, width: 84, noValue: 'no drafts' }),
        look('tpot_p50', { name: 'TPOT p50', width: 88 }),
        look('tpot_p95', { name: 'TPOT p95', width: 88 }),
        look('running', { decimals: 1, width: 80 }),
      ],
      sortBy: { field: 'kept', desc: true },
    }),

    'LoRA',
    table({
      title: 'Adapters now',
      about: {
        shows: 'The newest word of each server: which adapters are in its batch, which wait, and how many fit at once.',
        bad: 'Names under “waiting”: more adapters are asked for than --max-loras lets into one batch.',
        do: 'Raise --max-loras, or send adapters to different replicas. Runbook: VLLMLoRASaturated.',
      },
      ask: instant(
        named(
          'running_lora_adapters',
          named('waiting_lora_adapters', `topk by (instance) (1, ${server('vllm:lora_requests_info')})`)
        )
      ),
      width: 8,
      height: 7,
      empty: noAdapters,
      fields: words('instance max_lora running_lora_adapters waiting_lora_adapters Value'),
      looks: [
        look('instance', { links: [toInstance], width: 160 }),
        look('max_lora', { name: 'slots', width: 60 }),
        look('running_lora_adapters', { name: 'in batch' }),
        look('waiting_lora_adapters', { name: 'waiting' }),
        look('Value', { hidden: true, unit: unit.none }),
      ],
    }),
    chart({
      title: 'Waiting for something other than room',
      about: {
        shows: 'Requests deferred although the batch has room: for a LoRA slot, remote KV or a grammar; by model.',
        bad: 'Above five for minutes.',
        do: 'With adapters: raise --max-loras. Without: look at KV transfer and at structured output.',
      },
      ask: models('timeseries', ['waiting_deferred']),
      width: 8,
      height: 7,
      empty: 'vLLM before 0.20 does not say why requests wait.',
      unit: unit.count,
      name: perModel,
    }),
    table({
      title: 'Adapters loaded and removed',
      about: {
        shows: 'What the API servers wrote about adapters.',
        bad: 'The same adapter over and over: something loads it for each call.',
        do: 'Load adapters once, at start or by a controller.',
      },
      ask: happened({ events: ['lora_load', 'lora_unload'] }),
      width: 8,
      height: 7,
      empty:
        'No adapter was loaded or removed while vLLM ran in the time range; those named at start-up are not events.',
      fields: words('time title instance text'),
      looks: [look('time', { width: 130, unit: 'time:MM-DD HH:mm:ss' })],
    }),
    table({
      title: 'Requests with an adapter',
      about: {
        shows: 'The slowest requests for which a line names an adapter.',
        bad: 'One adapter that is slower than the others: it waits for its slot, or was just loaded.',
        do: 'Click the id: a long queue time means that the request waited.',
      },
      ask: requests({
        sort: { column: 'e2e', desc: true },
        limit: 50,
        filters: [{ column: 'lora', op: 'not null' }],
      }),
      width: 24,
      height: 7,
      empty: 'No request line names an adapter: none was asked for, or vLLM runs without --enable-log-requests.',
      fields: withAdapter,
      looks: requestColumns(withAdapter),
    }),
  ],
});

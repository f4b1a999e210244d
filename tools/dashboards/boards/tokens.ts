import { board } from '../kit/board';
import { look, unit, words } from '../kit/fields';
import { toModel } from '../kit/links';
import { chart, table } from '../kit/panels';
import { engine, models, promql, requests, sumOf } from '../kit/queries';
import { empty, modelColumns, requestColumns } from '../kit/shared';

const largest = words('request_id model caller_service prompt_tokens completion_tokens prefill');
const perModel = '${__field.labels.model}';
const halfHour = (metric: string) => `rate(${engine(metric)}[30m])`;
const noPrice =
  'No cost: it needs GPUs that dcgm-exporter reports for the model, and the price of a GPU hour in the settings of the data source.';

export const tokens = board({
  uid: 'vllm-tokens',
  title: 'vLLM: tokens and cost',
  description: 'How many tokens go in and out, which callers use them, what they cost, and how many are lost.',
  last: '1h',
  next: [
    ['Fleet', 'vllm-fleet'],
    ['GPU', 'vllm-gpu'],
    ['Requests', 'vllm-requests'],
  ],
  panels: [
    table({
      title: 'Models',
      about: {
        shows:
          'Tokens and their cost over the whole range. The cost per million counts prompt and output; “out” lets the output bear it all. GPUs that serve several models count for none.',
        bad: 'A cost per million far above the others of its size: GPUs that wait for work.',
        do: 'Fewer replicas, larger batches, or a smaller GPU for a model with little traffic.',
      },
      ask: models(
        'table',
        words(`
          request_rate prompt_token_rate generation_token_rate prompt_tokens_mean generation_tokens_mean
          prefix_cache_hit_ratio gpus cost_per_hour cost_per_million_tokens cost_per_million_generated_tokens
        `),
        { groupBy: ['environment', 'model'] }
      ),
      width: 24,
      height: 7,
      empty: empty.engines,
      looks: [
        look('model', { links: [toModel], width: 194 }),
        ...modelColumns,
        look('generation_token_rate', { width: 100 }),
        look('prompt_tokens_mean', { name: 'tok/prompt', unit: unit.none, decimals: 0, width: 96 }),
        look('generation_tokens_mean', { name: 'tok/output', unit: unit.none, decimals: 0, width: 88 }),
        look('gpus', { name: 'GPUs', decimals: 0, width: 60, unit: unit.none }),
        look('cost_per_hour', { name: 'cost/h', decimals: 2, width: 76, noValue: 'no price' }),
        look('cost_per_million_tokens', { name: 'cost/M', decimals: 2, width: 76, noValue: 'no price' }),
        look('cost_per_million_generated_tokens', { name: 'cost/M out', decimals: 2, width: 96, noValue: 'no price' }),
      ],
      sortBy: { field: 'tokens/s', desc: true },
    }),

    'Traffic',
    chart({
      title: 'Prompt tokens',
      about: {
        shows: 'Prompt tokens per second by model, cached ones included.',
        bad: 'A jump without more requests: longer prompts.',
        do: 'See “Tokens by caller” below.',
      },
      ask: models('timeseries', ['prompt_token_rate']),
      width: 8,
      height: 8,
      empty: empty.engines,
      unit: unit.tokensPerSecond,
      stacked: true,
      name: perModel,
    }),
    chart({
      title: 'Generated tokens',
      about: {
        shows: 'Sampled tokens per second by model: the work that is delivered.',
        bad: 'Falling while requests run: decode got slower.',
        do: 'Look at time per output token on the model’s page, and at the GPUs’ clocks.',
      },
      ask: models('timeseries', ['generation_token_rate']),
      width: 8,
      height: 8,
      empty: empty.engines,
      unit: unit.tokensPerSecond,
      stacked: true,
      name: perModel,
    }),
    chart({
      title: 'Tokens per request',
      about: {
        shows: 'Mean length of prompts and outputs of the requests that finished, by environment.',
        bad: 'A level that moves: callers changed what they ask for.',
        do: 'Prompts: trim context. Outputs: set max_tokens.',
      },
      ask: models('timeseries', words('prompt_tokens_mean generation_tokens_mean'), { groupBy: ['environment'] }),
      width: 8,
      height: 8,
      empty: empty.finished,
      unit: unit.count,
      fill: 0,
      looks: [
        look(/prompt_tokens_mean$/, { name: '${__field.labels.environment} prompt' }),
        look(/generation_tokens_mean$/, { name: '${__field.labels.environment} output' }),
      ],
    }),

    'Who asks',
    table({
      title: 'Tokens by caller',
      about: {
        shows:
          'Sum over the joined requests of the range, at most 10,000 of them: how many each calling service sent, with their tokens.',
        bad: 'One caller with most of the tokens and no reason for it. An empty name: no caller’s span reached Jaeger.',
        do: 'Talk to its owners, limit it at the gateway, or give it replicas of its own.',
      },
      ask: requests({ sort: { column: 'time', desc: true }, limit: 10_000 }),
      width: 12,
      height: 8,
      empty: empty.requests,
      fields: words('caller_service request_id prompt_tokens completion_tokens e2e'),
      transformations: [
        {
          id: 'groupBy',
          options: {
            fields: {
              caller_service: { aggregations: [], operation: 'groupby' },
              request_id: { aggregations: ['count'], operation: 'aggregate' },
              prompt_tokens: { aggregations: ['sum'], operation: 'aggregate' },
              completion_tokens: { aggregations: ['sum'], operation: 'aggregate' },
              e2e: { aggregations: ['mean'], operation: 'aggregate' },
            },
          },
        },
      ],
      looks: [
        look('caller_service', { name: 'caller', noValue: 'not known' }),
        look('request_id (count)', { name: 'requests', unit: unit.count }),
        look('prompt_tokens (sum)', { name: 'prompt', unit: unit.count }),
        look('completion_tokens (sum)', { name: 'output', unit: unit.count }),
        look('e2e (mean)', { name: 'mean E2E', unit: unit.seconds }),
      ],
      sortBy: { field: 'output', desc: true },
    }),
    table({
      title: 'Largest prompts',
      about: {
        shows: 'The ten longest prompts of the range.',
        bad: 'Prompts near the model’s limit: each delays every request of its batch.',
        do: 'Click the id; trim the context, or send such calls to replicas of their own.',
      },
      ask: requests({ sort: { column: 'prompt_tokens', desc: true }, limit: 10 }),
      width: 12,
      height: 8,
      empty: empty.requests,
      fields: largest,
      looks: requestColumns(largest),
    }),

    'Waste and cost',
    chart({
      title: 'Generated and thrown away',
      about: {
        shows:
          'Tokens per second that were sampled for requests which never finished: callers that hung up. Averaged over half an hour, since requests in flight count, too; vLLM does not count aborts itself.',
        bad: 'A share of the output that lasts: callers’ timeouts are shorter than the answers.',
        do: 'Compare the callers’ timeouts with E2E p99. The newest failures list the aborted requests.',
      },
      ask: promql(
        `clamp_min(sum by (model_name) (${halfHour('vllm:generation_tokens_total')} - ${sumOf('vllm:request_generation_tokens', halfHour)}), 0)`,
        '{{model_name}}'
      ),
      width: 8,
      height: 8,
      empty: empty.engines,
      unit: unit.tokensPerSecond,
    }),
    chart({
      title: 'Cost per million tokens',
      about: {
        shows: 'Price of the model’s GPUs over its tokens, prompt and output, by model.',
        bad: 'Rising while the traffic falls: idle GPUs.',
        do: 'Scale down, or put models with little traffic together.',
      },
      ask: models('timeseries', ['cost_per_million_tokens']),
      width: 8,
      height: 8,
      empty: noPrice,
      name: perModel,
    }),
    chart({
      title: 'Energy per generated token',
      about: {
        shows: 'Power of the model’s GPUs over its sampled tokens. GPUs that serve several models count for none.',
        bad: 'Rising while batches shrink: GPUs burn power at half load.',
        do: 'Larger batches on fewer GPUs.',
      },
      ask: models('timeseries', ['energy_per_generated_token']),
      width: 8,
      height: 8,
      empty:
        'No power is known: dcgm-exporter is not scraped, or it names neither the pod nor the host of an engine of this choice.',
      unit: 'joule',
      name: perModel,
    }),
  ],
});

import { attainmentChart } from '../kit/attainment';
import { board } from '../kit/board';
import { look, unit, words } from '../kit/fields';
import { toModel, toRequestsOfModel } from '../kit/links';
import { chart, table } from '../kit/panels';
import { engine, promql, requests, slo } from '../kit/queries';
import { empty, requestColumns } from '../kit/shared';

const noLimits =
  'No request could be judged: none finished, or no limit is set for this model. The limits are in the settings of the data source, under “SLO limits”.';
const missed = words(`
  time request_id model status e2e ttft tpot outside_engine queue prefill decode prompt_tokens completion_tokens waiting
  kv_cache_usage caller_service
`);

export const objectives = board({
  uid: 'vllm-slo',
  title: 'vLLM: SLO and goodput',
  description:
    'Whether users got their answers in time, how fast the error budget goes, and which requests missed why. The target is 99 %; the limits are those of the data source’s settings.',
  last: '1h',
  next: [
    ['Health', 'vllm-health'],
    ['Model', 'vllm-model'],
    ['Requests', 'vllm-requests'],
  ],
  panels: [
    table({
      title: 'Models',
      about: {
        shows:
          'Over the time range: the share of requests that ended ok within all limits of their model. Also the rest of the error budget of 1 %, and how often each limit was missed. One request can miss several limits.',
        bad: 'Attainment below 99 %; a burn rate above 1 spends more than the budget; at 14.4 a month’s budget is gone in two days.',
        do: 'The largest of the “missed” columns says which panel of the model’s page to open. Click the model.',
      },
      ask: slo({
        form: 'table',
        metrics: words(
          'attainment burn_rate error_budget_left goodput requests missed failed ttft_missed tpot_missed e2e_missed not_judged'
        ),
        groupBy: ['model'],
      }),
      width: 24,
      height: 7,
      empty: noLimits,
      looks: [
        look('model', { links: [toModel, toRequestsOfModel], width: 180 }),
        look('attainment', { decimals: 2, width: 86 }),
        look('burn_rate', { name: 'burn rate', decimals: 1, width: 100 }),
        look('error_budget_left', {
          name: 'budget left',
          decimals: 0,
          width: 92,
          steps: ['red', [0, 'orange'], [0.25, 'text']],
        }),
        look('goodput', { name: 'goodput/s', unit: unit.none, decimals: 2, width: 84 }),
        look('requests', { unit: unit.none, decimals: 0, width: 74 }),
        look('missed', { unit: unit.none, decimals: 0, width: 70 }),
        look('failed', { unit: unit.none, decimals: 0, width: 66 }),
        look('ttft_missed', { name: 'TTFT missed', unit: unit.none, decimals: 0, width: 106 }),
        look('tpot_missed', { name: 'TPOT missed', unit: unit.none, decimals: 0, width: 106 }),
        look('e2e_missed', { name: 'E2E missed', unit: unit.none, decimals: 0, width: 92 }),
        look('not_judged', { name: 'not judged', unit: unit.none, decimals: 0, width: 92 }),
      ],
      sortBy: { field: 'burn rate', desc: true },
    }),

    'What users felt: each request, all limits jointly',
    attainmentChart({
      title: 'Attainment',
      about: {
        shows: 'Share of the requests that began in each step and kept all limits, by model.',
        bad: 'Below the dashed 99 %.',
        do: 'Compare with the marks of events, then with why requests missed, beside.',
      },
      metric: 'attainment',
      width: 8,
      height: 9,
      empty: noLimits,
    }),
    chart({
      title: 'Goodput beside throughput',
      about: {
        shows: 'Requests per second that kept all limits, by model on top of each other; dashed, all that finished.',
        bad: 'A gap below the dashed line: work that was done and came too late.',
        do: 'Throughput that rises while goodput falls is overload: refuse or reroute early, or add replicas.',
      },
      ask: [
        slo({ form: 'timeseries', metrics: ['goodput'], groupBy: ['model'] }),
        promql(`sum(rate(${engine('vllm:request_success_total')}[$__rate_interval]))`, 'all that finished'),
      ],
      width: 8,
      height: 9, // its legend has a line for each model and one for all
      empty: noLimits,
      unit: unit.requestsPerSecond,
      stacked: true,
      looks: [look('all that finished', { dashed: true, unstacked: true, colour: 'text' })],
    }),
    chart({
      title: 'Why requests missed',
      about: {
        shows: 'Requests of each step that failed, or were above one limit; one can miss several.',
        bad: 'TTFT: waiting or prefill. TPOT: too large batches, preemptions. E2E alone: long answers. failed: errors, aborts, refusals.',
        do: 'TTFT and TPOT: the model’s page. failed: the newest failures among the requests.',
      },
      ask: slo({
        form: 'timeseries',
        metrics: words('failed ttft_missed tpot_missed e2e_missed'),
        groupBy: ['environment'],
      }),
      width: 8,
      height: 9,
      empty: noLimits,
      unit: unit.count,
      style: 'bars',
      stacked: true,
      legend: ['max'],
      looks: [
        look(/failed/, { colour: 'red' }),
        look(/ttft_missed/, { colour: 'orange' }),
        look(/tpot_missed/, { colour: 'blue' }),
        look(/e2e_missed/, { colour: 'purple' }),
      ],
    }),

    'One limit at a time: every request, from histogram buckets',
    ...(
      [
        ['ttft', 'TTFT', 'Requests wait, or prefills are long.', 'See queue and prompt length on the model’s page.'],
        [
          'tpot',
          'TPOT',
          'Batches are too large, or preemptions interrupt.',
          'Lower --max-num-seqs; give the KV cache room.',
        ],
        [
          'e2e',
          'E2E',
          'Answers are longer than the limit allows.',
          'Set max_tokens, or a limit that fits the answers.',
        ],
      ] as const
    ).map(([limit, name, bad, act]) =>
      attainmentChart({
        title: `${name} within its limit`,
        about: {
          shows: `Share of finished requests at or below the limit on ${name}, read at the next bound of a bucket, by model.`,
          bad: `Below the dashed 99 %. ${bad}`,
          do: act,
        },
        metric: `${limit}_attainment`,
        width: 6,
        empty: noLimits,
      })
    ),
    chart({
      title: 'Worst burn rate',
      about: {
        shows:
          'How fast each model uses the budget of 1 %, for its worst limit. At 1, the budget lasts exactly as long as its period. The burn rate of all limits together can only be higher.',
        bad: 'Above 6 for hours or above 14.4 for minutes, an alert fires.',
        do: 'Runbooks: VLLMTTFTBurnFast, VLLMTPOTBurnFast, VLLME2EBurnFast.',
      },
      ask: slo({ form: 'timeseries', metrics: ['worst_limit_burn_rate'], groupBy: ['model'] }),
      width: 6,
      height: 8,
      empty: noLimits,
      unit: unit.times,
      softMax: 16,
      steps: ['transparent', [6, 'orange'], [14.4, 'red']],
      limits: true,
      fill: 0,
      name: '${__field.labels.model}',
    }),

    'Which requests',
    table({
      title: 'Requests that missed',
      about: {
        shows: 'The 50 slowest requests that ended badly or above a limit.',
        bad: 'The phase that is largest is the one to act on.',
        do: 'Click the id for its phases, trace, lines and neighbours.',
      },
      ask: requests({
        sort: { column: 'e2e', desc: true },
        limit: 50,
        filters: [{ column: 'slo_met', op: '=', value: 'false' }],
      }),
      width: 24,
      height: 9,
      empty: 'Every request that could be judged kept its limits.',
      fields: missed,
      looks: requestColumns(missed),
    }),
    table({
      title: 'Who was let down',
      about: {
        shows: 'Requests that missed, by calling service and model, among at most 10,000.',
        bad: 'One caller alone: check its prompts and its timeouts. All callers: check the engines.',
        do: 'Give a demanding caller replicas or limits of its own.',
      },
      ask: requests({
        sort: { column: 'time', desc: true },
        limit: 10_000,
        filters: [{ column: 'slo_met', op: '=', value: 'false' }],
      }),
      width: 24,
      height: 7,
      empty: empty.requests,
      fields: words('caller_service model status time prompt_tokens completion_tokens e2e'),
      transformations: [
        {
          id: 'groupBy',
          options: {
            fields: {
              caller_service: { aggregations: [], operation: 'groupby' },
              model: { aggregations: [], operation: 'groupby' },
              status: { aggregations: [], operation: 'groupby' },
              time: { aggregations: ['count'], operation: 'aggregate' },
              prompt_tokens: { aggregations: ['mean'], operation: 'aggregate' },
              completion_tokens: { aggregations: ['mean'], operation: 'aggregate' },
              e2e: { aggregations: ['mean'], operation: 'aggregate' },
            },
          },
        },
      ],
      looks: [
        look('caller_service', { name: 'caller' }),
        look('model', { links: [toModel] }),
        look('time (count)', { name: 'missed', unit: unit.none, decimals: 0 }),
        look('prompt_tokens (mean)', { name: 'mean prompt', unit: unit.none, decimals: 0 }),
        look('completion_tokens (mean)', { name: 'mean output', unit: unit.none, decimals: 0 }),
        look('e2e (mean)', { name: 'mean E2E', unit: unit.seconds }),
      ],
      sortBy: { field: 'missed', desc: true },
    }),
  ],
});

import { board } from '../kit/board';
import { cards, tie } from '../kit/cards';
import { look, unit, words } from '../kit/fields';
import { toModel } from '../kit/links';
import { chart, table } from '../kit/panels';
import { engine, models, promql } from '../kit/queries';
import { empty } from '../kit/shared';

/** dcgm-exporter renamed Hostname to hostname in May 2026. */
const card = 'Hostname, hostname, gpu';
const legend = '{{Hostname}}{{hostname}} / {{gpu}}';
const noExporter = `dcgm-exporter is not scraped, or none of its cards belongs to this choice. ${tie}`;
const notCollected = (field: string) =>
  `dcgm-exporter does not collect ${field}: it is off by default and is turned on in the exporter’s list of counters.`;

const perCard = (metric: string, of = 'max') =>
  promql(`${of} by (${card}) ${cards((series) => series(metric))}`, legend);
/** Of a counter of nanoseconds, the share of time. */
const shareOfTime = (metric: string) =>
  `max by (${card}) ${cards((series) => `rate(${series(metric)}[$__rate_interval])`)} / 1e9`;

export const gpus = board({
  uid: 'vllm-gpu',
  title: 'vLLM: GPU',
  description: 'Whether the GPUs work, are healthy and cool, and how well each model uses them (dcgm-exporter).',
  last: '30m',
  next: [
    ['Health', 'vllm-health'],
    ['Fleet', 'vllm-fleet'],
    ['Tokens and cost', 'vllm-tokens'],
  ],
  panels: [
    table({
      title: 'GPUs by model',
      about: {
        shows: 'Cards whose pod or host serves this model alone, over the time range, beside the work they did.',
        bad: 'No cards although there are some: metrics of GPUs and of vLLM name pod or host differently. Power that differs between replicas of one model.',
        do: 'Give both scrape jobs the labels pod and namespace; look at the clocks below.',
      },
      ask: models('table', words('gpus gpu_utilization gpu_memory_used gpu_power running generation_token_rate'), {
        groupBy: ['environment', 'model', 'instance'],
      }),
      width: 24,
      height: 8,
      empty: empty.engines,
      looks: [
        look('model', { links: [toModel] }),
        look('instance', { width: 190 }),
        look('environment', { width: 100 }),
        look('gpus', { name: 'GPUs', unit: unit.none, decimals: 0, width: 80, noValue: 'not known' }),
        look('gpu_utilization', { name: 'busy', decimals: 0, width: 150, noValue: 'not known' }),
        look('gpu_memory_used', { name: 'memory', decimals: 0, width: 96, noValue: 'not known' }),
        look('gpu_power', { name: 'power', decimals: 0, width: 96, noValue: 'not known' }),
        look('running', { decimals: 1, width: 84 }),
        look('generation_token_rate', { name: 'tokens/s', unit: unit.none, decimals: 0, width: 96 }),
      ],
    }),

    'Work',
    chart({
      title: 'Tensor cores',
      legendless: true,
      about: {
        shows: `Share of cycles in which tensor cores work: prefill drives it. ${tie}`,
        bad: 'Near zero while requests run: decode only, or a card that waits for its host.',
        do: 'Larger batches use it better; see running requests on the model’s page.',
      },
      ask: perCard('DCGM_FI_PROF_PIPE_TENSOR_ACTIVE', 'avg'),
      fill: 0,
      width: 7,
      height: 8,
      empty: noExporter,
      unit: unit.ratio,
      max: 1,
    }),
    chart({
      title: 'Memory interface',
      legendless: true,
      about: {
        shows: 'Share of cycles in which memory is read or written: decode drives it, and ends where it is full.',
        bad: 'Near 100 %: decode is as fast as this card lets it be.',
        do: 'Quantise weights or KV cache, speculate, or take a card with more bandwidth.',
      },
      ask: perCard('DCGM_FI_PROF_DRAM_ACTIVE', 'avg'),
      fill: 0,
      width: 7,
      height: 8,
      empty: noExporter,
      unit: unit.ratio,
      max: 1,
    }),
    chart({
      title: 'Busy at all',
      about: {
        shows:
          'Share of time in which anything ran on the card; near 100 % for any decode, so it says nothing about room.',
        bad: '0 % while requests run: the engine hangs. Unequal cards of one tensor-parallel group.',
        do: 'See “Serving nothing” on the health dashboard.',
      },
      ask: perCard('DCGM_FI_DEV_GPU_UTIL', 'avg'),
      fill: 0,
      legend: ['mean'],
      legendAt: 'right',
      width: 10,
      height: 8,
      empty: noExporter,
      unit: unit.percent,
      max: 100,
    }),

    'Health',
    chart({
      title: 'Temperature',
      legendless: true,
      about: {
        shows: 'Degrees of each card.',
        bad: 'Above the dashed line; from about 87 °C data-center cards slow down.',
        do: 'Look at airflow and at the neighbours in the host. Runbook: VLLMGPUHot.',
      },
      ask: perCard('DCGM_FI_DEV_GPU_TEMP'),
      fill: 0,
      width: 6,
      height: 8,
      empty: noExporter,
      unit: unit.celsius,
      max: 100,
      steps: ['transparent', [85, 'red']],
      limits: true,
    }),
    chart({
      title: 'SM clock',
      legendless: true,
      about: {
        shows: 'Clock of the multiprocessors.',
        bad: 'Lower than the others’ under the same load: heat, power limit, or a fault.',
        do: 'Compare with temperature and power; see throttling below.',
      },
      ask: promql(`max by (${card}) ${cards((series) => series('DCGM_FI_DEV_SM_CLOCK'))} * 1e6`, legend),
      fill: 0,
      width: 6,
      height: 8,
      empty: noExporter,
      unit: 'hertz',
    }),
    chart({
      title: 'Power',
      legendless: true,
      about: {
        shows: 'Watts of each card.',
        bad: 'Flat at the card’s limit: it would go faster with more. Far below the others: it has no work.',
        do: 'Raise the limit if cooling allows; look at the balance of load.',
      },
      ask: perCard('DCGM_FI_DEV_POWER_USAGE'),
      fill: 0,
      width: 6,
      height: 8,
      empty: noExporter,
      unit: unit.watts,
    }),
    chart({
      title: 'Memory in use',
      legendless: true,
      about: {
        shows: 'Frame buffer in use. vLLM takes its share at start, so it is flat and says nothing about load.',
        bad: 'A step while vLLM runs: another process came onto the card. Near the top: the next allocation fails.',
        do: 'Find the process with nvidia-smi; lower --gpu-memory-utilization.',
      },
      ask: promql(
        `max by (${card}) ${cards((series) => `${series('DCGM_FI_DEV_FB_USED')} / (${series('DCGM_FI_DEV_FB_USED')} + ${series('DCGM_FI_DEV_FB_FREE')})`)}`,
        legend
      ),
      fill: 0,
      width: 6,
      height: 8,
      empty: noExporter,
      unit: unit.ratio,
      max: 1,
    }),

    'Faults',
    chart({
      title: 'Last XID',
      about: {
        shows: 'Number of the last fault that the driver reported; 0 is none. It stays until the next one.',
        bad: 'Any change. 13 and 31 are the program’s, 48, 63, 64, 79, 94 and 95 the card’s.',
        do: 'Look the number up in NVIDIA’s XID catalogue; drain the node. Runbook: VLLMGPUXid.',
      },
      ask: perCard('DCGM_FI_DEV_XID_ERRORS'),
      fill: 0,
      legend: ['max'],
      width: 8,
      height: 7,
      empty: noExporter,
      unit: unit.none,
      decimals: 0,
    }),
    chart({
      title: 'Slowed down by heat or power',
      about: {
        shows: 'Share of time in which the card ran slower because of heat, or of its power limit.',
        bad: 'Above 10 % for minutes.',
        do: 'Cooling, or the power limit. Runbooks: VLLMGPUThermalThrottling, VLLMGPUPowerThrottling.',
      },
      ask: [
        promql(shareOfTime('DCGM_FI_DEV_THERMAL_VIOLATION'), `heat ${legend}`),
        promql(shareOfTime('DCGM_FI_DEV_POWER_VIOLATION'), `power ${legend}`),
      ],
      width: 8,
      height: 7,
      empty: notCollected('DCGM_FI_DEV_THERMAL_VIOLATION and DCGM_FI_DEV_POWER_VIOLATION'),
      unit: unit.ratio,
      max: 1,
    }),
    chart({
      title: 'Work per GPU, as vLLM estimates it',
      about: {
        shows:
          'Floating-point operations per second and GPU that the model’s arithmetic needed, by model. Over the card’s peak, it is model FLOPs utilisation.',
        bad: 'Far below a third of the peak during long prefills.',
        do: 'Larger --max-num-batched-tokens; compare with tensor cores above.',
      },
      ask: promql(
        `avg by (model_name) (rate(${engine('vllm:estimated_flops_per_gpu_total')}[$__rate_interval])) > 0`,
        '{{model_name}}'
      ),
      width: 8,
      height: 7,
      empty:
        'vLLM counts its arithmetic only with --enable-mfu-metrics (0.17 and newer); without, the counter stays at 0.',
      unit: unit.flops,
    }),
  ],
});

import { board } from '../kit/board';
import { eventsTable } from '../kit/events';
import { look, steps, unit, words } from '../kit/fields';
import { toLogsOfInstance, toModel, toModelOfSeries, toRequestsOfModel } from '../kit/links';
import { chart, lines, stat, StatSpec, table, timeline } from '../kit/panels';
import { answers, engine, happened, instant, logs, models, once, promql, target } from '../kit/queries';
import { empty, modelColumns } from '../kit/shared';

const targets = target('up');
/** A pending pod and a stopped container are no targets: the alert VLLMDeploymentDown minds them, too. */
const deployment = 'job, namespace, environment';
/** Redundant Prometheus servers that evaluate the same rules. */
const alertCopies = 'prometheus, prometheus_replica, replica, __replica__';
const perModel = { name: '${__field.labels.model}', links: [toModelOfSeries] };
const perEnvironment = '${__field.labels.environment}';
const failures = words('engine_death engine_stuck out_of_memory start_failure restart preemption_storm');

const light = (spec: Omit<StatSpec, 'width' | 'height' | 'loud'>) => stat({ ...spec, width: 6, height: 4, loud: true });

export const health = board({
  uid: 'vllm-health',
  title: 'vLLM: health',
  description:
    'The first page for on-call: what is down, which error budget burns, since when, and where to look next.',
  last: '30m',
  next: [
    ['Fleet', 'vllm-fleet'],
    ['Requests', 'vllm-requests'],
    ['Logs', 'vllm-logs'],
    ['SLO', 'vllm-slo'],
  ],
  panels: [
    light({
      title: 'Instances down',
      about: {
        shows:
          'Targets of vLLM’s scrape job that do not answer now. A deployment that had some within the hour and has none left counts as one.',
        bad: 'One: the others carry its load. All of a model: every request to it fails.',
        do: 'See below since when; then the pod’s events and its last lines. Runbooks: VLLMInstanceDown, VLLMDeploymentDown.',
      },
      ask: promql(`
        count(
          ${once(targets)} == 0
          or max by (${deployment}) (max_over_time(${targets}[1h])) unless on (${deployment}) ${targets}
        ) or 0 * count(${targets})`),
      empty: 'No target',
      decimals: 0,
      steps: steps.anything,
    }),
    light({
      title: 'Serving nothing',
      about: {
        shows: 'Instances that hold requests and have produced no token for three minutes.',
        bad: 'Any: the engine hangs, or it died and the API server has not noticed.',
        do: 'Restart the instance after saving its lines. Runbook: VLLMServingNothing.',
      },
      ask: promql(`
        count(
          sum by (instance) (${engine('vllm:num_requests_running')} + ${engine('vllm:num_requests_waiting')}) > 0
          and sum by (instance) (rate(${engine('vllm:generation_tokens_total')}[3m]) + rate(${engine('vllm:prompt_tokens_total')}[3m])) == 0
        ) or 0 * count(${engine('vllm:num_requests_running')})`),
      empty: 'No engine scraped',
      decimals: 0,
      steps: steps.anything,
    }),
    light({
      title: 'Engine failures',
      about: {
        shows: 'Deaths, out of memory, failed starts, restarts and preemption storms within the time range.',
        bad: 'Any: each cost the requests in flight, or their speed.',
        do: 'Read them in “What happened”; each event has its evidence.',
      },
      ask: happened({ events: failures }),
      empty: 'Not known',
      calc: 'count',
      show: '/^id$/',
      nameless: true,
      steps: ['green', [1, 'orange']],
    }),
    light({
      title: 'HTTP 5xx, 5 min',
      about: {
        shows:
          'Share of answers to POST /v1/… of all models that failed in the last five minutes. A stream that breaks after its headers counts as good.',
        bad: 'Above 1 %; at 5 % the alert fires.',
        do: 'See the newest failures among the requests. Runbook: VLLMErrorRatioHigh.',
      },
      ask: promql(`
        (sum(rate(${answers('status="5xx"')}[5m])) or vector(0))
        / (sum(rate(${answers()}[5m])) > 0)`),
      empty: 'No traffic',
      unit: unit.ratio,
      decimals: 2,
      sparkline: true,
      steps: ['green', [0.01, 'orange'], [0.05, 'red']],
    }),
    light({
      title: 'Waiting',
      about: {
        shows: 'Requests queued before all engines.',
        bad: 'Orange for minutes: demand exceeds capacity. Red: users notice.',
        do: 'See which model below; add replicas or find the caller. Runbook: VLLMQueueGrowing.',
      },
      ask: promql(`sum(${engine('vllm:num_requests_waiting')})`),
      empty: 'No engine scraped',
      decimals: 0,
      sparkline: true,
      steps: ['green', [5, 'orange'], [20, 'red']],
    }),
    light({
      title: 'KV cache',
      about: {
        shows: 'Use of the KV cache by the fullest engine.',
        bad: 'Above 90 % the next long prompt preempts; above 95 % it happens all the time.',
        do: 'Go to the KV cache dashboard. Runbooks: VLLMKVCachePressure, VLLMPreemptionStorm.',
      },
      ask: promql(`max(${engine('vllm:kv_cache_usage_perc')})`),
      empty: 'No engine scraped',
      unit: unit.ratio,
      decimals: 0,
      sparkline: true,
      steps: steps.kvCache,
    }),
    light({
      title: 'TTFT p95',
      about: {
        shows:
          'Time to first token that 95 of 100 requests of the slowest model keep, over the time range: the highest TTFT p95 of “What burns”.',
        bad: 'Above the limit that you promised; colours follow the alerts’ 2.5 s.',
        do: 'See the row of that model below: waiting explains it, or prefill does. Runbook: VLLMTTFTBurnFast.',
      },
      ask: models('table', ['ttft'], { groupBy: ['environment', 'model'], quantiles: [0.95] }),
      empty: 'No request finished',
      calc: 'max',
      show: '/^ttft_p95$/',
      nameless: true,
      unit: unit.seconds,
      steps: ['green', [1, 'orange'], [2.5, 'red']],
    }),
    light({
      title: 'Alerts firing',
      about: {
        shows: 'Rules of this repository that fire now in Prometheus.',
        bad: 'Any. The panel below lists them.',
        do: 'Follow the runbook of the alert. Without rules, load provisioning/prometheus/vllm-rules.yml.',
      },
      ask: promql(
        `count(max without (${alertCopies}) (ALERTS{alertstate="firing", alertname=~"VLLM.*"})) or (0 * max(instance:vllm_requests:avg5m))`
      ),
      empty: 'Rules not loaded',
      decimals: 0,
      steps: steps.anything,
    }),

    timeline({
      title: 'Which instances answer',
      about: {
        shows: 'Whether Prometheus reached each instance, over time.',
        bad: 'Red: it was down, or restarting; a line that ends: it was removed.',
        do: 'Compare with “What happened” beside it, then read the lines of that instance.',
      },
      ask: promql(`max by (instance) (${targets})`, '{{instance}}'),
      width: 8,
      height: 8,
      empty:
        'Prometheus has no target whose job is called vllm-something: the scrape configuration is missing, or the job has another name.',
      steps: ['red', [1, 'green']],
      looks: [
        look(/.*/, {
          mappings: [
            { type: 'value', options: { '0': { text: 'down', color: 'red' }, '1': { text: 'up', color: 'green' } } },
          ] as never,
        }),
      ],
    }),
    eventsTable({
      title: 'What happened',
      about: {
        shows: 'Failures and changes of engines, newest first, each with its log line or its figure.',
        bad: 'critical: requests failed. warning: requests were slowed down or lost.',
        do: 'Click the instance for its lines around that time.',
      },
      limit: 100,
      width: 16,
      columns: { title: 170, instance: 184 },
      instance: toLogsOfInstance,
    }),
    table({
      title: 'What burns',
      about: {
        shows: 'One row per model and environment over the time range, most waiting requests first.',
        bad: 'A coloured cell. Errors and queue full: requests fail. Queue and waiting: too little capacity. KV and preemptions: too little cache.',
        do: 'Click the model for its page, or for its requests.',
      },
      ask: models(
        'table',
        words(
          `request_rate error_ratio http_5xx_ratio rejection_ratio ttft tpot queue_mean waiting kv_cache_usage_max preemption_rate`
        ),
        { groupBy: ['environment', 'model'], quantiles: [0.95] }
      ),
      width: 24,
      height: 6,
      empty: empty.engines,
      looks: [look('model', { links: [toModel, toRequestsOfModel] }), ...modelColumns],
      sortBy: { field: 'waiting', desc: true },
    }),

    'Since when',
    chart({
      title: 'Requests that failed or were refused',
      about: {
        shows: 'Failed in the engine, refused by a full queue, answered with 5xx or 4xx, per second and environment.',
        bad: '5xx and errors above zero. 4xx that rise alone are a client’s mistake.',
        do: 'Open the requests: newest failures name the reason and the caller.',
      },
      ask: models('timeseries', words('error_rate rejection_rate http_5xx_rate http_4xx_rate'), {
        groupBy: ['environment'],
      }),
      width: 8,
      height: 8,
      empty: empty.engines,
      unit: unit.requestsPerSecond,
      looks: [
        look(/error_rate$/, { name: `${perEnvironment} errors` }),
        look(/rejection_rate$/, { name: `${perEnvironment} queue full` }),
        look(/http_5xx_rate$/, { name: `${perEnvironment} 5xx` }),
        look(/http_4xx_rate$/, { name: `${perEnvironment} 4xx` }),
      ],
    }),
    chart({
      title: 'Waiting, by model',
      about: {
        shows: 'Requests queued before the engines, by model.',
        bad: 'Growing for minutes.',
        do: 'Add replicas of that model, or find who sends the burst among its requests.',
      },
      ask: models('timeseries', ['waiting']),
      width: 8,
      height: 8,
      empty: empty.engines,
      unit: unit.count,
      ...perModel,
    }),
    chart({
      title: 'Requests finished, by model',
      about: {
        shows: 'Finished requests per second, by model.',
        bad: 'A drop to zero while callers still call.',
        do: 'Look at “Serving nothing” and at the instances that answer.',
      },
      ask: models('timeseries', ['request_rate']),
      width: 8,
      height: 8,
      empty: empty.engines,
      unit: unit.requestsPerSecond,
      ...perModel,
    }),

    table({
      title: 'Alerts',
      about: {
        shows: 'Pending and firing alerts of this repository’s rules.',
        bad: 'critical wakes people, high wants somebody within the hour.',
        do: 'docs/runbooks has a page for each alert: what it means, three checks, fixes.',
      },
      ask: instant(
        `sum by (alertname, alertstate, severity, model_name, instance) (max without (${alertCopies}) (ALERTS{alertname=~"VLLM.*"}))`
      ),
      width: 12,
      height: 9,
      empty: 'No alert is pending or firing; or Prometheus does not load provisioning/prometheus/vllm-rules.yml.',
      fields: words('alertname alertstate severity model_name instance'),
      looks: [
        look('alertname', { name: 'alert', width: 200 }),
        look('alertstate', { name: 'state', width: 64 }),
        look('severity', { width: 72 }),
        look('model_name', { name: 'model' }),
      ],
    }),
    lines({
      title: 'Errors, newest first',
      about: {
        shows: 'Lines of level error and above.',
        bad: 'A traceback of EngineCore: the engine died, and every request in its batch with it.',
        do: 'Look for the first error, the rest follow from it.',
      },
      ask: logs({ levels: ['error', 'critical'], limit: 100 }),
      width: 12,
      height: 9,
      empty: 'No error was written in the time range.',
    }),
  ],
});

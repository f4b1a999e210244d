import { board } from '../kit/board';
import { eventsTable } from '../kit/events';
import { look, unit, words } from '../kit/fields';
import { toInstance } from '../kit/links';
import { chart, lines, table } from '../kit/panels';
import { answers, engine, logs, models, promql, requests } from '../kit/queries';
import { empty, finishColours, requestColumns } from '../kit/shared';
import { choice, placeVariables, typed } from '../kit/variables';

const failures = words('time request_id model status http_status finish_reason caller_service e2e error_lines error');

export const logsAndErrors = board({
  uid: 'vllm-logs',
  title: 'vLLM: logs and errors',
  description: 'What vLLM wrote, what failed and why, and what happened to engines.',
  last: '1h',
  next: [
    ['Health', 'vllm-health'],
    ['Requests', 'vllm-requests'],
  ],
  variables: [
    ...placeVariables,
    choice('level', 'Level', 'debug,info,warning,error,critical'),
    typed('contains', 'Line contains'),
  ],
  panels: [
    chart({
      title: 'Lines by level',
      about: {
        shows: 'What vLLM wrote, by level.',
        bad: 'Errors; a silence where there were lines: the engine or the log pipeline has ended.',
        do: 'Choose a level above, drag over the time, and read below.',
      },
      ask: logs({ volume: true, levels: ['$level'], contains: '$contains' }),
      width: 12,
      height: 8,
      empty: empty.lines,
      unit: unit.count,
      style: 'bars',
      stacked: true,
    }),
    chart({
      title: 'Answers by HTTP status',
      about: {
        shows:
          'Answers to POST /v1/… per second, by class of status. A stream that fails after its headers counts as 2xx.',
        bad: '5xx: vLLM failed. 4xx: clients sent what vLLM refuses; nothing else counts these.',
        do: '5xx: read the errors below. 4xx: see rejected requests for the caller.',
      },
      ask: promql(`sum by (status) (rate(${answers()}[$__rate_interval]))`, '{{status}}'),
      width: 6,
      height: 8,
      empty: 'No API server of this choice answered anything in the time range.',
      unit: unit.requestsPerSecond,
      looks: [look('2xx', { colour: 'green' }), look('4xx', { colour: 'orange' }), look('5xx', { colour: 'red' })],
    }),
    chart({
      title: 'How requests ended',
      about: {
        shows: 'Finished requests per second by vLLM’s own reason. Callers that hang up are in none.',
        bad: 'error: the engine gave up. abort: it was paused, put to sleep or shut down.',
        do: 'See what happened, and the failures below.',
      },
      ask: promql(
        `sum by (finished_reason) (rate(${engine('vllm:request_success_total')}[$__rate_interval]))`,
        '{{finished_reason}}'
      ),
      width: 6,
      height: 8,
      empty: empty.engines,
      unit: unit.requestsPerSecond,
      looks: finishColours,
    }),
    lines({
      title: 'Lines',
      about: {
        shows: 'The newest 500 lines of the chosen level that contain the text above.',
        bad: 'A traceback of EngineCore means that the engine died.',
        do: 'Look for the first error; open a line for its labels, its request and the lines around it.',
      },
      ask: logs({ levels: ['$level'], contains: '$contains', limit: 500 }),
      width: 24,
      height: 14,
      empty: empty.lines,
    }),
    table({
      title: 'Failed requests',
      about: {
        shows: 'Requests that failed or were refused, newest first, with the reason if a store has it.',
        bad: 'error is vLLM’s own; rejected with 4xx is the caller’s mistake, with 503 a queue or an engine that is gone.',
        do: 'Click the id for its lines and trace.',
      },
      ask: requests({
        sort: { column: 'time', desc: true },
        limit: 100,
        filters: [{ column: 'status', op: '=~', value: 'error|rejected' }],
      }),
      width: 24,
      height: 8,
      empty: 'No request failed or was refused in the time range.',
      fields: failures,
      looks: requestColumns(failures),
    }),
    eventsTable({
      title: 'What happened to engines',
      about: {
        shows: 'Failures and changes, newest first, each with its evidence.',
        bad: 'critical: requests failed. warning: they were slowed down or lost.',
        do: 'Click the instance for its requests at that time.',
      },
      limit: 200,
      width: 24,
      columns: { title: 260, instance: 190 },
      instance: toInstance,
    }),
    table({
      title: 'Errors by model',
      about: {
        shows: 'Shares of requests that failed, by every account of it.',
        bad: 'Engine errors or 5xx above 1 %; queue full at all. Requests with status rejected are more: 4xx of any reason count there.',
        do: 'Queue full: add replicas or raise the queue’s limit. The rest: read the lines.',
      },
      ask: models(
        'table',
        words('request_rate error_rate error_ratio http_4xx_ratio http_5xx_ratio rejection_ratio finished_abort'),
        {
          groupBy: ['environment', 'model'],
        }
      ),
      width: 24,
      height: 6,
      empty: empty.engines,
      looks: [
        look('environment', { width: 110 }),
        look('request_rate', { name: 'req/s', unit: unit.none, decimals: 2, width: 80 }),
        look('error_rate', { name: 'errors/s', unit: unit.none, decimals: 3, width: 90 }),
        look(/ratio$/, { decimals: 2, steps: ['transparent', [0.01, 'orange'], [0.05, 'red']], cell: 'filled' }),
        look('error_ratio', { name: 'engine errors', width: 120 }),
        look('http_4xx_ratio', { name: 'HTTP 4xx', steps: ['transparent', [0.1, 'orange'], [0.5, 'red']], width: 100 }),
        look('http_5xx_ratio', { name: 'HTTP 5xx', width: 100 }),
        look('rejection_ratio', { name: 'queue full', width: 100 }),
        look('finished_abort', { name: 'aborted by engine/s', unit: unit.none, decimals: 3, width: 160 }),
      ],
    }),
  ],
});

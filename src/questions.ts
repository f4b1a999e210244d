import { t } from '@grafana/i18n';

import { QueryType, queryVersion, Scope, Specs } from './queryTypes';

/** One question that people ask, as a query that runs as it stands. */
export interface Question {
  title: string;
  queryType: QueryType;
  spec: Partial<Specs>;
  scope?: Scope;
}

/** What somebody on call asks, in the order in which they come up. */
export function questions(): Question[] {
  return [
    {
      title: t('question.slowest', 'Which requests were slowest?'),
      queryType: 'requests',
      spec: { requests: { sort: { column: 'e2e', desc: true } } },
    },
    {
      title: t('question.failed', 'Which requests failed, the newest first?'),
      queryType: 'requests',
      spec: {
        requests: {
          filters: [{ column: 'status', op: '=~', value: 'error|aborted|rejected' }],
          sort: { column: 'time', desc: true },
        },
      },
    },
    {
      title: t('question.queued', 'Which requests waited in the queue, and how full was the KV cache then?'),
      queryType: 'requests',
      spec: {
        requests: {
          filters: [
            { column: 'queue', op: '>', value: '500ms' },
            { column: 'kv_cache_usage', op: '>', value: '90%' },
          ],
          sort: { column: 'queue', desc: true },
        },
      },
    },
    {
      title: t('question.missed', 'Which requests broke their limits?'),
      queryType: 'requests',
      spec: {
        requests: {
          filters: [{ column: 'slo_met', op: '=', value: 'false' }],
          sort: { column: 'e2e', desc: true },
        },
      },
    },
    {
      title: t('question.outside', 'Where was time lost outside the engine?'),
      queryType: 'requests',
      spec: { requests: { sort: { column: 'outside_engine', desc: true } } },
    },
    {
      title: t('question.models', 'How do the models do?'),
      queryType: 'models',
      spec: { models: { form: 'table' } },
    },
    {
      title: t('question.slo', 'Which model misses its limits, and how fast is its error budget gone?'),
      queryType: 'slo',
      spec: { slo: { metrics: ['attainment', 'burn_rate', 'goodput', 'missed', 'failed'], form: 'table' } },
    },
    {
      title: t('question.ttft', 'How long do users wait for the first token?'),
      queryType: 'models',
      spec: { models: { metrics: ['ttft'], quantiles: [0.5, 0.99], groupBy: ['model'], form: 'timeseries' } },
    },
    {
      title: t('question.instances', 'Which replica has the longest queue?'),
      queryType: 'models',
      spec: { models: { metrics: ['waiting'], groupBy: ['model', 'instance'], form: 'timeseries' } },
    },
    {
      title: t('question.errors', 'What did vLLM complain about?'),
      queryType: 'logs',
      spec: { logs: { levels: ['critical', 'error', 'warning'] } },
    },
    {
      title: t('question.memory', 'Did an engine run out of memory?'),
      queryType: 'logs',
      spec: { logs: { contains: 'out of memory' } },
    },
    {
      title: t('question.coverage', 'How much of this can be trusted?'),
      queryType: 'coverage',
      spec: { coverage: { form: 'table' } },
    },
    {
      title: t('question.promql', 'Requests per second and model, by hand'),
      queryType: 'promql',
      spec: {
        promql: { expr: 'sum by (model_name) (rate(${__vllm_prefix}request_success_total[$__rate_interval]))' },
      },
    },
  ];
}

/** The query of a question, in place of what the row asked so far. */
export function queryOf({ queryType, spec, scope }: Question) {
  return { version: queryVersion, queryType, ...spec, ...(scope && { scope }) };
}

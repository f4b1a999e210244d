import { t } from '@grafana/i18n';

import { QueryType } from '../queryTypes';

/** How each kind is called, and what it answers. */
export type KindWords = Record<QueryType, { label: string; description: string }>;

export function kindWords(): KindWords {
  return {
    requests: {
      label: t('kind.requests', 'Requests'),
      description: t('kind.requests-description', 'Which requests were slow or failed: one row each'),
    },
    request: {
      label: t('kind.request', 'Request'),
      description: t('kind.request-description', 'Everything about one request: phases, trace, logs, engine'),
    },
    models: {
      label: t('kind.models', 'Models'),
      description: t('kind.models-description', 'Rates, latencies, queue, cache, tokens and GPU per model'),
    },
    slo: {
      label: t('kind.slo', 'SLO'),
      description: t(
        'kind.slo-description',
        'Attainment, goodput and error budget: how well requests kept their limits'
      ),
    },
    logs: { label: t('kind.logs', 'Logs'), description: t('kind.logs-description', "vLLM's log lines, parsed") },
    trace: {
      label: t('kind.trace', 'Trace'),
      description: t('kind.trace-description', "One trace, with vLLM's phases"),
    },
    coverage: {
      label: t('kind.coverage', 'Coverage'),
      description: t('kind.coverage-description', 'How much of the range the rows explain'),
    },
    annotations: {
      label: t('kind.annotations', 'Events'),
      description: t('kind.annotations-description', 'Restarts, deaths, preemption storms, sleep, LoRA adapters'),
    },
    promql: {
      label: t('kind.promql', 'PromQL'),
      description: t('kind.promql-description', 'Any question to Prometheus'),
    },
  };
}

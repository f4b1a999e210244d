/** A link of a field, to another dashboard. */
export interface Link {
  title: string;
  url: string;
}

/** Every dashboard of the set. A link can only lead to one of these. */
export type BoardId =
  | 'vllm-health'
  | 'vllm-fleet'
  | 'vllm-model'
  | 'vllm-requests'
  | 'vllm-request'
  | 'vllm-slo'
  | 'vllm-kv-cache'
  | 'vllm-tokens'
  | 'vllm-decoding'
  | 'vllm-gpu'
  | 'vllm-disaggregation'
  | 'vllm-logs'
  | 'vllm-rag'
  | 'vllm-coverage';

/** What all links keep: the time that was seen and the data source that was asked. */
const kept = '${__url_time_range}&${datasource:queryparam}';
const keptScope = '${environment:queryparam}&${instance:queryparam}';

const cell = '${__value.raw:percentencode}';

const modelLink = (title: string, board: BoardId): Link => ({
  title,
  url: `/d/${board}?var-model=${cell}&${keptScope}&${kept}`,
});

/** For a field whose value is a model, on a dashboard with all variables. */
export const toModel = modelLink('This model', 'vllm-model');
export const toRequestsOfModel = modelLink('Requests of this model', 'vllm-requests');
/** The same where there is no more to keep than the time. */
export const toModelAlone: Link = { title: 'This model', url: `/d/vllm-model?var-model=${cell}&${kept}` };

/** For a field whose value is an instance. */
export const toInstance: Link = {
  title: 'Requests of this instance',
  url: `/d/vllm-requests?var-instance=${cell}&\${model:queryparam}&\${environment:queryparam}&${kept}`,
};
export const toLogsOfInstance: Link = {
  title: 'Lines of this instance',
  url: `/d/vllm-logs?var-instance=${cell}&\${model:queryparam}&\${environment:queryparam}&${kept}`,
};

/** For a series, whose label names the model. */
export const toModelOfSeries: Link = {
  title: 'This model',
  url: `/d/vllm-model?var-model=\${__field.labels.model:percentencode}&${keptScope}&${kept}`,
};

/**
 * Everything about the request whose id a variable of the link holds. Links lead to dashboards only: a client chooses its own
 * request id, and Grafana fills values into a link as text. In the value of a variable an id stays an id; in the JSON of an
 * Explore link it could add a query of its own.
 */
export const toRequest = (id = '__value.raw'): Link[] => [
  { title: 'Everything about this request', url: `/d/vllm-request?var-request=\${${id}:percentencode}&${kept}` },
];

import { DataFrame, DataQueryResponse } from '@grafana/data';
import { t } from '@grafana/i18n';

import { VllmQuery } from './queryTypes';

/**
 * Explore's table forgets widths and shows 20 columns, all equally wide, of which eight or so are on the first screen.
 * There the columns that tell the story come first; the others follow in their own order. Dashboards keep the row's order.
 */
const requestStory = [
  'time',
  'request_id',
  'model',
  'status',
  'e2e',
  'ttft',
  'queue',
  'prefill',
  'decode',
  'tpot',
  'prompt_tokens',
  'completion_tokens',
  'slo_met',
  'error',
  'caller_service',
  'waiting',
  'kv_cache_usage',
  'instance',
  'trace_id',
  'log_lines',
];

const modelStory = [
  'environment',
  'cluster',
  'namespace',
  'model',
  'pod',
  'instance',
  'engine',
  'request_rate',
  'error_ratio',
  'ttft_p50',
  'ttft_p95',
  'e2e_p50',
  'e2e_p95',
  'itl_p95',
  'running',
  'waiting',
  'kv_cache_usage_max',
  'preemption_rate',
  'prefix_cache_hit_ratio',
  'generation_token_rate',
  'ttft_p99',
  'e2e_p99',
];

/** By the names that pkg/frames gives its tables. */
const stories: Record<string, readonly string[]> = {
  requests: requestStory,
  request: requestStory,
  neighbours: requestStory,
  models: modelStory,
};

/** The frame with the columns in the order that suits Explore; a frame that is none of our tables is returned as it is. */
export function storyFirst(frame: DataFrame): DataFrame {
  const story = stories[frame.name ?? ''];
  if (!story || frame.meta?.preferredVisualisationType !== 'table') {
    return frame;
  }
  const told = story.flatMap((name) => frame.fields.filter((field) => field.name === name));
  return { ...frame, fields: [...told, ...frame.fields.filter((field) => !told.includes(field))] };
}

/**
 * Explore draws graphs first, then tables, logs and traces, and below them what names a panel of its own. A request's page
 * shall begin with its summary, its phases and its trace, so its few lines, the state of its engine and its neighbours name
 * theirs.
 */
function below(frame: DataFrame): DataFrame {
  const drawnBy = (plugin: string) => ({ ...frame, meta: { ...frame.meta, preferredVisualisationPluginId: plugin } });
  if (frame.name === 'neighbours') {
    const title = t('explore.neighbour', 'Shared the engine'); // the panel has none of its own
    return {
      ...drawnBy('table'),
      fields: frame.fields.map((field) =>
        field.name === 'request_id' ? { ...field, config: { ...field.config, displayName: title } } : field
      ),
    };
  }
  switch (frame.meta?.preferredVisualisationType) {
    case 'logs':
      return drawnBy('logs');
    case 'graph':
      return drawnBy('timeseries');
    default:
      return frame;
  }
}

/** Arranges an answer for Explore, which knows nothing of panels' options. */
export function forExplore(answer: DataQueryResponse, targets: VllmQuery[]): DataQueryResponse {
  const aboutOne = new Set(targets.filter((target) => target.queryType === 'request').map((target) => target.refId));
  return {
    ...answer,
    data: answer.data.map((frame: DataFrame) => {
      const ordered = storyFirst(frame);
      return frame.refId && aboutOne.has(frame.refId) ? below(ordered) : ordered;
    }),
  };
}

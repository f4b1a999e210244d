import { createDataFrame, DataFrame, FieldType } from '@grafana/data';

import { forExplore, storyFirst } from './exploreLayout';
import { columns, figures, VllmQuery } from './queryTypes';

function table(name: string, fields: readonly string[]): DataFrame {
  return createDataFrame({
    name,
    meta: { preferredVisualisationType: 'table' },
    fields: fields.map((field) => ({ name: field, type: FieldType.string, values: ['x'] })),
  });
}

const names = (frame: DataFrame) => frame.fields.map((field) => field.name);

describe('the order of columns in Explore', () => {
  const row = columns.map((column) => column.name);

  it('has what tells the story of a request on the first screen', () => {
    expect(names(storyFirst(table('requests', row))).slice(0, 9)).toEqual([
      'time',
      'request_id',
      'model',
      'status',
      'e2e',
      'ttft',
      'queue',
      'prefill',
      'decode',
    ]);
  });

  it.each(['requests', 'request', 'neighbours'])('loses no column of %s', (name) => {
    expect(names(storyFirst(table(name, row))).sort()).toEqual([...row].sort());
  });

  it('tells the story of a request within the 20 columns that Explore shows, by columns that the row has', () => {
    const first = names(storyFirst(table('requests', row))).slice(0, 20);
    expect(first).toContain('trace_id');
    expect(first).toContain('log_lines');
    expect(first).not.toContain('span_id');
  });

  it('has the latency quantiles of models beside their traffic', () => {
    const known = figures.flatMap((figure) =>
      figure.quantiles ? [`${figure.name}_p50`, `${figure.name}_p95`] : [figure.name]
    );
    expect(names(storyFirst(table('models', ['model', ...known]))).slice(0, 7)).toEqual([
      'model',
      'request_rate',
      'error_ratio',
      'ttft_p50',
      'ttft_p95',
      'e2e_p50',
      'e2e_p95',
    ]);
  });

  it('leaves every other frame alone', () => {
    const phases = table('phases', ['phase', 'duration']);
    expect(storyFirst(phases)).toBe(phases);
    const series = createDataFrame({ name: 'models', meta: { preferredVisualisationType: 'graph' }, fields: [] });
    expect(storyFirst(series)).toBe(series);
  });
});

describe('the page of one request in Explore', () => {
  const frames = [
    table('request', ['time', 'request_id']),
    table('phases', ['phase', 'duration']),
    createDataFrame({ name: 'logs', meta: { preferredVisualisationType: 'logs' }, fields: [] }),
    createDataFrame({ name: 'running', meta: { preferredVisualisationType: 'graph' }, fields: [] }),
    table('neighbours', ['time', 'request_id']),
  ].map((frame) => ({ ...frame, refId: 'A' }));
  const plugins = (queryType: VllmQuery['queryType']) =>
    forExplore({ data: frames }, [{ refId: 'A', queryType }]).data.map(
      (frame: DataFrame) => frame.meta?.preferredVisualisationPluginId
    );

  it('begins with summary, phases and trace: lines, and what the engine did meanwhile, come below', () => {
    expect(plugins('request')).toEqual([undefined, undefined, 'logs', 'timeseries', 'table']);
  });

  it('says of the neighbours what they are, in a panel that has no title of its own', () => {
    const [, , , , neighbours] = forExplore({ data: frames }, [{ refId: 'A', queryType: 'request' }]).data;
    expect(neighbours.fields[1].config.displayName).toBe('Shared the engine');
    expect(frames[4].fields[1].config.displayName).toBeUndefined();
  });

  it.each(['requests', 'models', 'logs'] as const)('does nothing of the kind to %s', (queryType) => {
    expect(plugins(queryType)).toEqual(frames.map(() => undefined));
  });
});

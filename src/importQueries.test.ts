import { fromTarget, importQueries } from './importQueries';
import { migrateQuery } from './migrations';
import { VllmQuery } from './queryTypes';

const base = { refId: 'A', version: 1, queryType: 'promql' };

describe('a query of the Prometheus data source', () => {
  it.each([
    [
      'keeps its expression and its legend',
      { expr: 'up', legendFormat: '__auto', range: true, editorMode: 'code' },
      { expr: 'up', legend: '__auto' },
    ],
    [
      'keeps its format and its minimum step',
      { expr: 'sum by (le) (x)', format: 'heatmap', interval: '1d' },
      { expr: 'sum by (le) (x)', format: 'heatmap', minStep: '1d' },
    ],
    ['is instant when it says so', { expr: 'up', instant: true }, { expr: 'up', instant: true }],
    ['is a range when it is both', { expr: 'up', instant: true, range: true }, { expr: 'up' }],
    ['may have a query type of an old Grafana', { expr: 'up', queryType: 'randomWalk' }, { expr: 'up' }],
    ['has time series without a format of ours', { expr: 'up', format: 'time_series' }, { expr: 'up' }],
  ])('%s', (_, target, promql) => {
    const query = { refId: 'A', ...target } as unknown as VllmQuery;
    expect(fromTarget(query)).toMatchObject({ ...base, promql });
    expect(migrateQuery(query)).toMatchObject({ ...base, promql });
    expect(migrateQuery(query)).not.toHaveProperty('expr');
  });

  it('is not what Loki saved', () => {
    expect(fromTarget({ refId: 'A', expr: '{app="vllm"}', queryType: 'range' } as never)).toBeUndefined();
  });

  it('is not a query of our own', () => {
    expect(fromTarget({ refId: 'A', queryType: 'promql', expr: 'x', promql: { expr: 'up' } } as never)).toBeUndefined();
    expect(migrateQuery({ refId: 'A', queryType: 'requests' } as VllmQuery)).toMatchObject({ queryType: 'requests' });
  });
});

describe('switching a panel to this data source', () => {
  const target = { refId: 'B', expr: 'up', datasource: { type: 'prometheus', uid: 'x' } };

  it.each(['prometheus', 'grafana-amazonprometheus-datasource', 'grafana-azureprometheus-datasource'])(
    'keeps the expressions of %s',
    (type) => {
      expect(importQueries([target], type)).toMatchObject([
        { refId: 'B', queryType: 'promql', promql: { expr: 'up' } },
      ]);
    }
  );

  it('keeps the id of a trace', () => {
    const id = '4bf92f3577b34da6a3ce929d0e0e4736';
    expect(importQueries([{ refId: 'A', query: id } as never], 'jaeger')).toMatchObject([
      { queryType: 'trace', trace: { traceId: id } },
    ]);
  });

  it('drops what cannot be taken over', () => {
    expect(importQueries([{ refId: 'A', expr: '{app="vllm"}' } as never], 'loki')).toEqual([]);
    expect(importQueries([{ refId: 'A', query: 'name="x"' } as never], 'jaeger')).toEqual([]);
    expect(importQueries([{ refId: 'A' }], 'prometheus')).toEqual([]);
  });
});

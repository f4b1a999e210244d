import { CoreApp, DataSourceInstanceSettings, dateTime, TimeRange } from '@grafana/data';

import { VllmDataSource } from './datasource';
import { fakeTemplateSrv } from './fakes';
import { VllmQuery } from './queryTypes';
import { VllmDataSourceOptions } from './types';

jest.mock('@grafana/runtime', () => ({
  ...jest.requireActual('@grafana/runtime'),
  getTemplateSrv: () => fakeTemplateSrv({ env: ['prod', 'test'], empty: '' }),
}));

const datasource = new VllmDataSource({ uid: 'vllm' } as DataSourceInstanceSettings<VllmDataSourceOptions>);

function query(part: Partial<VllmQuery>): VllmQuery {
  return { refId: 'A', ...part };
}

describe('a new query', () => {
  test.each([CoreApp.Explore, CoreApp.Dashboard, CoreApp.PanelEditor])('shows the slowest requests in %s', (app) => {
    expect(datasource.getDefaultQuery(app)).toEqual({
      version: 1,
      queryType: 'requests',
      requests: { sort: { column: 'e2e', desc: true } },
    });
  });

  test('is one number per model in an alert rule', () => {
    expect(datasource.getDefaultQuery(CoreApp.UnifiedAlerting)).toEqual({
      version: 1,
      queryType: 'models',
      models: { metrics: ['ttft'], quantiles: [0.99], groupBy: ['model'], form: 'numeric' },
    });
  });
});

test.each<[boolean, Partial<VllmQuery>]>([
  [true, {}],
  [true, { queryType: 'requests' }],
  [true, { queryType: 'logs' }],
  [false, { queryType: 'request' }],
  [false, { queryType: 'request', request: { id: ' ' } }],
  [true, { queryType: 'request', request: { id: 'cmpl-1' } }],
  [false, { queryType: 'request', request: { id: '$empty' } }],
  [false, { queryType: 'trace', trace: { traceId: '' } }],
  [true, { queryType: 'trace', trace: { traceId: 'ab' } }],
  [false, { queryType: 'promql', promql: { expr: '' } }],
  [true, { queryType: 'promql', promql: { expr: 'up' } }],
])('whether it is sent is %s for %j', (sent, part) => {
  expect(datasource.filterQuery(query(part))).toBe(sent);
});

test('a query is brought up to date before its variables are replaced', () => {
  expect(datasource.applyTemplateVariables(query({ scope: { environments: ['$env'] } }), {})).toEqual({
    refId: 'A',
    version: 1,
    queryType: 'requests',
    scope: { environments: ['prod', 'test'] },
  });
});

describe('live values', () => {
  const range = { from: dateTime(1000), to: dateTime(2000) } as TimeRange;
  const getResource = jest.spyOn(datasource, 'getResource').mockResolvedValue([]);
  beforeEach(() => getResource.mockClear());

  test('are asked within a window and a scope', async () => {
    await datasource.values('models', range, { environments: ['$env'], services: ['not a filter'] });
    expect(getResource).toHaveBeenCalledWith(
      'models',
      { from: 1000, to: 2000, environment: ['prod', 'test'] },
      expect.anything()
    );
  });

  test('of a label are asked by its name, escaped', async () => {
    await datasource.labelValues('a/b');
    expect(getResource).toHaveBeenCalledWith('labels/a%2Fb/values', {}, expect.anything());
  });
});

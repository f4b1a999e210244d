import { CoreApp, DataSourceInstanceSettings, dateTime, TimeRange } from '@grafana/data';

import { VllmDataSource } from './datasource';
import { fakeTemplateSrv } from './testing/fakes';
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

test('a list is requested without an alert of the page, and kept for editors only', async () => {
  const getResource = jest.spyOn(datasource, 'getResource').mockResolvedValue([]);
  const range = { from: dateTime(1000), to: dateTime(2000) } as TimeRange;
  const ask = () => datasource.lists.values('models', { range, scope: { environments: ['$env'] } });
  await ask();
  await ask();
  expect(getResource).toHaveBeenCalledTimes(1);
  expect(getResource).toHaveBeenCalledWith(
    'models',
    { from: 1000, to: 2000, environment: ['prod', 'test'] },
    { abortSignal: undefined, showErrorAlert: false }
  );
  const filters = () => datasource.getTagValues({ key: 'model', filters: [], timeRange: range });
  await filters();
  await filters();
  expect(getResource).toHaveBeenCalledTimes(3);
});

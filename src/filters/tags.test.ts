import { dateTime, TimeRange } from '@grafana/data';

import { tagKeys, tagValues } from './tags';

const range = { from: dateTime(1000), to: dateTime(2000) } as TimeRange;
const option = (value: string) => ({ text: value, value });
const lists = {
  values: jest.fn(async () => [option('place')]),
  labelNames: jest.fn(async () => [option('container'), option('pod')]),
  labelValues: jest.fn(async () => [option('label')]),
  columnValues: jest.fn(async () => [option('column')]),
};

describe('the keys of a dashboard', () => {
  const keys = async (...kinds: Array<'requests' | 'models' | 'logs' | 'promql'>) =>
    (await tagKeys(lists, { queries: kinds.map((queryType) => ({ refId: 'A', queryType })), timeRange: range })).map(
      ({ text }) => text
    );
  const places = ['model', 'environment', 'cluster', 'namespace', 'pod', 'instance', 'engine', 'service'];

  test('are places for every kind, and what one of its kinds can be filtered by', async () => {
    expect(await keys('models')).toEqual(places);
    expect(await keys('logs')).toEqual([...places, 'level', 'process', 'logger']);
    expect(await keys('promql')).toEqual([...places, 'container']);
    expect(await keys('requests')).toEqual(expect.arrayContaining([...places, 'ttft', 'status', 'finish_reason']));
  });

  test('are each there once, all of them where no query is known', async () => {
    const all = await keys();
    expect(all).toEqual(expect.arrayContaining(['ttft', 'level', 'container']));
    expect(new Set(all).size).toBe(all.length);
  });

  test('are there without Prometheus', async () => {
    lists.labelNames.mockRejectedValueOnce(new Error('down'));
    expect(await keys('promql')).toEqual(places);
  });
});

describe('the values of a key', () => {
  const filters = [
    { key: 'model', operator: '=|', value: 'a', values: ['a', 'b'] },
    { key: 'pod', operator: '!=', value: 'p' },
    { key: 'ttft', operator: '>', value: '1s' },
  ];
  const scope = { models: ['a', 'b'], where: [{ key: 'pod', op: '!=', values: ['p'] }] };
  const values = async (key: string) =>
    (await tagValues(lists, { key, filters, timeRange: range })).map(({ text }) => text);

  test('are those within what the other filters leave', async () => {
    expect(await values('instance')).toEqual(['place']);
    expect(lists.values).toHaveBeenLastCalledWith('instances', { range, scope });
    await values('pod');
    expect(lists.values).toHaveBeenLastCalledWith('pods', { range, scope: { models: ['a', 'b'] } });
    expect(await values('finish_reason')).toEqual(['column']);
    expect(lists.columnValues).toHaveBeenLastCalledWith('finish_reason', { range, scope });
    expect(await values('container')).toEqual(['label']);
    expect(lists.labelValues).toHaveBeenLastCalledWith('container', {}, { range, scope });
  });

  test('are known for levels, and typed where no store lists them', async () => {
    expect(await values('level')).toEqual(['critical', 'error', 'warning', 'info', 'debug', 'unknown']);
    expect(await values('process')).toEqual([]);
    expect(await values('')).toEqual([]);
  });
});

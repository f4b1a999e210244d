import { dateTime, TimeRange } from '@grafana/data';

import { fakeTemplateSrv } from '../testing/fakes';
import { BackendLists } from './backend';
import { remember } from './remembered';

jest.mock('@grafana/runtime', () => ({
  ...jest.requireActual('@grafana/runtime'),
  getTemplateSrv: () => fakeTemplateSrv({ env: ['prod', 'test'] }),
}));

const at = (ms: number): TimeRange => {
  const [from, to] = [dateTime(ms), dateTime(ms + 3_600_000)];
  return { from, to, raw: { from, to } };
};

function setUp() {
  let now = 0;
  const get = jest.fn().mockImplementation(async (path: string) => [{ text: path, value: path }]);
  const lists = new BackendLists(remember(get, () => now));
  return { get, lists, later: (ms: number) => (now += ms) };
}

test('a list is requested once a minute for the same range, scope and selector', async () => {
  const { get, lists, later } = setUp();
  await lists.values('models', { range: at(0) });
  await lists.values('models', { range: at(10_000) });
  expect(get).toHaveBeenCalledTimes(1);
  await lists.values('models', { range: at(70_000) });
  await lists.values('models', { range: at(0), scope: { pods: ['a'] } });
  await lists.labelValues('pod', { metric: 'up', match: ['a=b'] }, {});
  await lists.labelValues('pod', { metric: 'up' }, {});
  expect(get).toHaveBeenCalledTimes(5);
  later(60_000);
  await lists.values('models', { range: at(0) });
  expect(get).toHaveBeenCalledTimes(6);
});

test('a list that failed is requested again', async () => {
  const { get, lists } = setUp();
  get.mockRejectedValueOnce(new Error('down'));
  await expect(lists.recentRequests({})).rejects.toThrow('down');
  await expect(lists.recentRequests({})).resolves.toBeDefined();
});

test('names are escaped in a path', async () => {
  const { get, lists } = setUp();
  await lists.columnValues('a/b', {});
  expect(get).toHaveBeenLastCalledWith('columns/a%2Fb/values', {}, undefined);
  await lists.labelValues('a/b', {}, {});
  expect(get).toHaveBeenLastCalledWith('labels/a%2Fb/values', {}, undefined);
});

test('variables of a scope are replaced, and a list of one store is not narrowed by services', async () => {
  const { get, lists } = setUp();
  const scope = { environments: ['$env'], services: ['chat'] };
  const range = { from: dateTime(1000), to: dateTime(2000) } as TimeRange;
  await lists.values('models', { range, scope });
  expect(get).toHaveBeenLastCalledWith('models', { from: 1000, to: 2000, environment: ['prod', 'test'] }, undefined);
  await lists.recentRequests({ scope });
  expect(get).toHaveBeenLastCalledWith(
    'recent-requests',
    { environment: ['prod', 'test'], service: ['chat'] },
    undefined
  );
});

test('only so many lists are kept', async () => {
  const { get, lists } = setUp();
  for (let i = 0; i <= 100; i++) {
    await lists.columnValues(`c${i}`, {});
  }
  await lists.columnValues('c100', {});
  expect(get).toHaveBeenCalledTimes(101);
  await lists.columnValues('c0', {});
  expect(get).toHaveBeenCalledTimes(102);
});

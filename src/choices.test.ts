import { dateTime, TimeRange } from '@grafana/data';

import { Choices } from './choices';

const at = (ms: number): TimeRange => {
  const [from, to] = [dateTime(ms), dateTime(ms + 3_600_000)];
  return { from, to, raw: { from, to } };
};

function setUp() {
  let now = 0;
  const list = jest.fn().mockImplementation(async (path: string) => [{ text: path, value: path }]);
  const choices = new Choices({ list, interpolateScope: (scope = {}) => scope }, () => now);
  return { list, choices, later: (ms: number) => (now += ms) };
}

test('a list is asked once a minute, for one range, scope and selector', async () => {
  const { list, choices, later } = setUp();
  await choices.values('models', { range: at(0) });
  await choices.values('models', { range: at(10_000) });
  expect(list).toHaveBeenCalledTimes(1);
  await choices.values('models', { range: at(70_000) });
  await choices.values('models', { range: at(0), scope: { pods: ['a'] } });
  await choices.labelValues('pod', { metric: 'up', match: ['a=b'] }, {});
  await choices.labelValues('pod', { metric: 'up' }, {});
  expect(list).toHaveBeenCalledTimes(5);
  later(60_000);
  await choices.values('models', { range: at(0) });
  expect(list).toHaveBeenCalledTimes(6);
});

test('a list that fails is asked again', async () => {
  const { list, choices } = setUp();
  list.mockRejectedValueOnce(new Error('down'));
  await expect(choices.recentRequests({})).rejects.toThrow('down');
  await expect(choices.recentRequests({})).resolves.toBeDefined();
});

test('names are escaped in a path', async () => {
  const { list, choices } = setUp();
  await choices.columnValues('a/b', {});
  expect(list).toHaveBeenCalledWith('columns/a%2Fb/values', expect.anything());
});

test('only so many lists are remembered', async () => {
  const { list, choices } = setUp();
  for (let i = 0; i <= 100; i++) {
    await choices.columnValues(`c${i}`, {});
  }
  await choices.columnValues('c100', {});
  expect(list).toHaveBeenCalledTimes(101);
  await choices.columnValues('c0', {});
  expect(list).toHaveBeenCalledTimes(102);
});

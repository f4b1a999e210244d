import { VllmQuery } from '../queryTypes';
import { addFilter, hasFilter, KeyFilter, toggleFilter } from './keyFilters';

const query = (part: Partial<VllmQuery>): VllmQuery => ({ refId: 'A', ...part });
const filter = (key: string, op: KeyFilter['op'], ...values: string[]): KeyFilter => ({ key, op, values });
const requests = query({ queryType: 'requests' });
const logs = query({ queryType: 'logs' });
const models = query({ queryType: 'models' });

describe('a filter that is added', () => {
  test.each<[string, VllmQuery, KeyFilter, Partial<VllmQuery>]>([
    ['a place is a choice of the scope', models, filter('model', '=', 'a'), { scope: { models: ['a'] } }],
    ['several values, too', models, filter('pod', '=', 'a', 'b'), { scope: { pods: ['a', 'b'] } }],
    [
      'a place besides another choice must hold, too',
      query({ queryType: 'models', scope: { models: ['a', 'b'] } }),
      filter('model', '=', 'b', 'c'),
      { scope: { models: ['a', 'b'], where: [filter('model', '=', 'b', 'c')] as never } },
    ],
    [
      'what is left out is a condition',
      logs,
      filter('pod', '!=', 'a', 'b'),
      { scope: { where: [{ key: 'pod', op: '!=', values: ['a', 'b'] }] } },
    ],
    [
      'an expression is a condition',
      requests,
      filter('instance', '!~', 'a.*'),
      { scope: { where: [{ key: 'instance', op: '!~', values: ['a.*'] }] } },
    ],
    [
      'a column of the row',
      requests,
      filter('ttft', '>', '500ms'),
      { requests: { filters: [{ column: 'ttft', op: '>', value: '500ms' }] } },
    ],
    [
      'a column with several values',
      requests,
      filter('http_status', '=', '500', '503'),
      { requests: { filters: [{ column: 'http_status', op: '=', values: ['500', '503'] }] } },
    ],
    [
      'an empty cell',
      requests,
      filter('error', '!=', ''),
      { requests: { filters: [{ column: 'error', op: 'not null' }] } },
    ],
    ['levels', logs, filter('severity', '=', 'error'), { logs: { levels: ['error'] } }],
    [
      'all but a level',
      logs,
      filter('level', '!=', 'info'),
      { logs: { levels: ['critical', 'error', 'warning', 'debug', 'unknown'] } },
    ],
    ['a process', logs, filter('process', '=', 'APIServer'), { logs: { process: 'APIServer' } }],
    [
      'all but a process',
      logs,
      filter('process', '!=', 'APIServer'),
      { logs: { where: [{ key: 'process', op: '!=', values: ['APIServer'] }] } },
    ],
    ['a request', logs, filter('request_id', '=', 'cmpl-1'), { logs: { requestId: 'cmpl-1' } }],
    [
      'any label of Loki',
      logs,
      filter('container', '=~', 'v.*'),
      { logs: { where: [{ key: 'container', op: '=~', values: ['v.*'] }] } },
    ],
  ])('%s', (_, before, added, want) => {
    expect(addFilter(before, added)).toEqual({ ...before, ...want });
  });

  test.each<[string, VllmQuery, KeyFilter]>([
    ['a column of requests on figures', models, filter('ttft', '>', '1')],
    ['a comparison of numbers on a place', models, filter('model', '>', 'a')],
    ['an expression on a number', requests, filter('ttft', '=~', '1.*')],
    ['a column that is none', requests, filter('container', '=', 'vllm')],
    ['all but one request', logs, filter('request_id', '!=', 'cmpl-1')],
    ['two requests', query({ queryType: 'logs', logs: { requestId: 'a' } }), filter('request_id', '=', 'b')],
    ['an expression on a process', logs, filter('process', '=~', 'API.*')],
    ['no level at all', query({ queryType: 'logs', logs: { levels: ['info'] } }), filter('level', '!=', 'info')],
    ['a label that Loki cannot have', logs, filter('a-b', '=', 'c')],
    ['anything on one request', query({ queryType: 'request', request: { id: 'x' } }), filter('model', '=', 'a')],
    ['anything on one trace', query({ queryType: 'trace', trace: { traceId: 'ab' } }), filter('model', '=', 'a')],
  ])('is refused: %s', (_, before, added) => {
    expect(addFilter(before, added)).toBeUndefined();
  });
});

describe('a filter that is clicked', () => {
  const click = (before: VllmQuery, ...clicks: Array<[string, '=' | '!=', string]>) =>
    clicks.reduce<VllmQuery>((at, [key, op, value]) => toggleFilter(at, key, op, value) ?? at, before);

  test.each<[string, VllmQuery]>([
    ['pod', logs],
    ['level', logs],
    ['process', logs],
    ['request_id', logs],
    ['container', logs],
    ['model', requests],
    ['status', requests],
  ])('on %s is there, and is gone with a second click', (key, before) => {
    const value = key === 'level' ? 'error' : 'x';
    const clicked = click(before, [key, '=', value]);
    expect(hasFilter(clicked, key, '=', value)).toBe(true);
    expect(hasFilter(click(clicked, [key, '=', value]), key, '=', value)).toBe(false);
  });

  test('goes instead of the one that says the opposite', () => {
    expect(click(logs, ['pod', '!=', 'a'], ['pod', '=', 'a']).scope).toEqual({ pods: ['a'] });
    expect(click(logs, ['pod', '=', 'a'], ['pod', '!=', 'a']).scope).toEqual({
      where: [{ key: 'pod', op: '!=', values: ['a'] }],
    });
  });

  test('goes instead of another value, which nothing could be equal to as well', () => {
    expect(click(logs, ['pod', '=', 'a'], ['pod', '=', 'b']).scope).toEqual({ pods: ['b'] });
    expect(click(logs, ['level', '=', 'error'], ['level', '=', 'warning']).logs?.levels).toEqual(['warning']);
  });

  test('leaves out one more', () => {
    expect(click(requests, ['status', '!=', 'ok'], ['status', '!=', 'aborted']).requests?.filters).toEqual([
      { column: 'status', op: '!=', value: 'ok' },
      { column: 'status', op: '!=', value: 'aborted' },
    ]);
  });

  test('leaves filters on other keys alone', () => {
    const where = [{ key: 'engine', op: '!=' as const, values: ['1'] }];
    const before = query({ queryType: 'logs', scope: { models: ['m'], where }, logs: { contains: 'x' } });
    expect(click(before, ['pod', '=', 'a'])).toEqual({ ...before, scope: { models: ['m'], pods: ['a'], where } });
  });
});

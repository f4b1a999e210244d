import { FakeAll, fakeTemplateSrv } from './testing/fakes';
import { Interpolation } from './interpolate';
import { VllmQuery } from './queryTypes';

const variables = {
  model: ['llama', 'qwen-2.5'],
  one: 'llama',
  all: new FakeAll(['llama', 'qwen-2.5']),
  customAll: '.*',
  none: '',
  id: 'chatcmpl-42',
  threshold: '500ms',
  metrics: ['ttft', 'tpot'],
};

function interpolate(query: Partial<VllmQuery>, scopedVars = {}, multi = true) {
  return new Interpolation(fakeTemplateSrv(variables, multi), scopedVars).query({ refId: 'A', ...query });
}

describe('a scope', () => {
  test.each([
    ['a variable with several values', ['$model'], ['llama', 'qwen-2.5']],
    ['a variable with one value', ['${one}'], ['llama']],
    ['a variable beside plain text', ['prefix-$model-suffix'], ['prefix-llama-suffix', 'prefix-qwen-2.5-suffix']],
    ['two variables in one text', ['$one/$model'], ['llama/llama', 'llama/qwen-2.5']],
    ['a value twice', ['llama', '$model'], ['llama', 'qwen-2.5']],
    ['no variable', ['mistral'], ['mistral']],
    ['a variable that does not exist', ['$typo'], ['$typo']],
  ])('takes %s', (_, models, want) => {
    expect(interpolate({ scope: { models } }).scope).toEqual({ models: want });
  });

  test.each([
    ['that is set to All', ['$all']],
    ['that is set to All, beside a value', ['mistral', '${all}']],
    ['whose custom all value is a pattern', ['$customAll']],
    ['without a value', ['$none']],
  ])('is not narrowed by a variable %s', (_, models) => {
    expect(interpolate({ scope: { models, pods: ['p'] } }).scope).toEqual({ pods: ['p'] });
  });

  test('beside plain text has all values of All', () => {
    expect(interpolate({ scope: { models: ['org/$all'] } }).scope).toEqual({ models: ['org/llama', 'org/qwen-2.5'] });
  });

  test('takes the value of a repeated panel, also where the dashboard has All', () => {
    const repeated = { all: { text: 'qwen-2.5', value: 'qwen-2.5' } };
    expect(interpolate({ scope: { models: ['$all'] } }, repeated).scope).toEqual({ models: ['qwen-2.5'] });
  });

  test('takes the value of a repeated panel', () => {
    const scopedVars = { model: { text: 'qwen-2.5', value: 'qwen-2.5' } };
    expect(interpolate({ scope: { models: ['$model'] } }, scopedVars).scope).toEqual({ models: ['qwen-2.5'] });
  });
});

describe('a filter', () => {
  const filter = (op: '=' | '!=' | '=~' | '>', column: string, value: string) =>
    interpolate({ requests: { filters: [{ column, op, value }] } }).requests?.filters?.[0];

  test('on equality with several values becomes a pattern', () => {
    expect(filter('=', 'model', '$model')).toEqual({ column: 'model', op: '=~', value: 'llama|qwen-2\\.5' });
    expect(filter('!=', 'model', '$model')).toEqual({ column: 'model', op: '!~', value: 'llama|qwen-2\\.5' });
  });

  test('on equality with one value stays one', () => {
    expect(filter('=', 'model', '$one')).toEqual({ column: 'model', op: '=', value: 'llama' });
  });

  test('with a pattern takes values as text', () => {
    expect(filter('=~', 'model', '$model')?.value).toBe('(llama|qwen-2\\.5)');
  });

  test.each(['=', '=~'] as const)('%s All leaves nothing out, rows that do not know the column included', (op) => {
    expect(interpolate({ requests: { filters: [{ column: 'model', op, value: '$all' }] } }).requests?.filters).toEqual(
      []
    );
  });

  test('!= All leaves out all values', () => {
    expect(filter('!=', 'model', '$all')).toEqual({ column: 'model', op: '!~', value: 'llama|qwen-2\\.5' });
  });

  test('on a number takes a variable', () => {
    expect(filter('>', 'ttft', '$threshold')?.value).toBe('500ms');
  });

  test('without a value gets none', () => {
    const filters = [{ column: 'ttft', op: 'null' as const }];
    expect(interpolate({ requests: { filters } }).requests?.filters).toEqual(filters);
  });
});

describe('PromQL', () => {
  const expr = (text: string, multi = true, scopedVars = {}) =>
    interpolate({ promql: { expr: text } }, scopedVars, multi).promql?.expr;

  test('takes several values as a pattern within quotes', () => {
    expect(expr('up{model_name=~"$model"}')).toBe('up{model_name=~"(llama|qwen-2\\\\.5)"}');
  });

  test('matches everything where a variable is set to All', () => {
    expect(expr('up{model_name=~"$all"}')).toBe('up{model_name=~".*"}');
  });

  test('takes the value of a plain variable as it is', () => {
    expect(expr('up{x="$v"}', false, { v: { text: '', value: 'a.b"c' } })).toBe('up{x="a.b\\x22c"}');
  });

  test.each([
    [`a'b`, 'a\\x27b'],
    ['a"b', 'a\\x22b'],
    ['a`b', 'a\\x60b'],
    ['a\\', 'a\\\\'],
    [`a\\'b`, 'a\\\\\\x27b'],
    ['a\nb', 'a\\x0ab'],
    ["'} or vector(1) #", '\\x27} or vector(1) #'],
  ])('lets no value end its quotes, whichever they are: %j', (value, written) => {
    for (const quote of [`"`, `'`]) {
      expect(expr(`up{x=${quote}$v${quote}}`, false, { v: { text: '', value } })).toBe(
        `up{x=${quote}${written}${quote}}`
      );
    }
    expect(expr("up{x=~'$v'}", true, { v: { text: '', value: [value] } })).not.toMatch(/=~'.*['`"\n].*'/s);
  });

  test('keeps the interval for the backend, which knows the step', () => {
    const scopedVars = { __interval: { text: '15s', value: '15s' }, __interval_ms: { text: '15000', value: 15000 } };
    const text = 'rate(x[$__rate_interval]) + rate(y[$__interval]) + $__interval_ms';
    expect(expr(text, true, scopedVars)).toBe(text);
  });
});

test('what is set to All narrows no log lines, and asks for all figures by all dimensions', () => {
  const all = '$all';
  const { logs, models } = interpolate({
    logs: { levels: [all], process: all, logger: all, requestId: all, contains: all, regex: all },
    models: { metrics: [all], groupBy: [all] },
  });
  expect(logs).toEqual({ levels: [] });
  expect(models).toEqual({ metrics: [], groupBy: ['llama', 'qwen-2.5'] });
});

test('every other text of a query takes variables', () => {
  const query = interpolate({
    request: { id: '$id' },
    trace: { traceId: '$id' },
    models: { metrics: ['$metrics'], groupBy: ['$one'] },
    slo: { metrics: ['$metrics'], groupBy: ['$one'], target: 0.99 },
    logs: {
      requestId: '$id',
      contains: 'of $one',
      regex: 'x$model',
      process: '$one',
      logger: '$one',
      levels: ['$one'],
    },
    annotations: { events: ['$metrics', 'restart'], limit: 7 },
    coverage: { metric: '$one' },
    promql: { expr: 'up', legend: '$one', minStep: '$threshold' },
    requests: { sort: { column: '$one', desc: true }, groupBy: ['$one'] },
  });
  expect(query).toEqual({
    refId: 'A',
    request: { id: 'chatcmpl-42' },
    trace: { traceId: 'chatcmpl-42' },
    models: { metrics: ['ttft', 'tpot'], groupBy: ['llama'] },
    slo: { metrics: ['ttft', 'tpot'], groupBy: ['llama'], target: 0.99 },
    logs: {
      requestId: 'chatcmpl-42',
      contains: 'of llama',
      regex: 'x(llama|qwen-2\\.5)',
      process: 'llama',
      logger: 'llama',
      levels: ['llama'],
    },
    annotations: { events: ['ttft', 'tpot', 'restart'], limit: 7 },
    coverage: { metric: 'llama' },
    promql: { expr: 'up', legend: 'llama', minStep: '500ms' },
    requests: { sort: { column: 'llama', desc: true }, groupBy: ['llama'] },
  });
});

describe('texts that nobody should send', () => {
  const many = (n: number) => ({ text: '', value: Array.from({ length: n }, (_, i) => `v${i}`) });
  const three = { x: many(1000), y: many(1000), z: many(1000) };

  test('several variables in one text are bounded before their texts are built', () => {
    for (const query of [
      { scope: { models: ['$x-$y-$z'] } },
      { requests: { filters: [{ column: 'model', op: '=', value: '$x-$y-$z' }] } },
      { models: { groupBy: ['$x-$y-$z'] } },
      { logs: { where: [{ key: 'pod', op: '=', values: ['$x-$y-$z'] }] } },
    ] as Array<Partial<VllmQuery>>) {
      expect(() => interpolate(query, three)).toThrow(
        /3 variables stands for 1000000000 texts, which are more than 500/
      );
    }
    expect(interpolate({ scope: { models: ['$x-$y'] } }, { x: many(50), y: many(10) }).scope?.models).toHaveLength(500);
    expect(() => interpolate({ scope: { models: ['$x-$y'] } }, { x: many(501), y: many(1) })).toThrow();
  });

  test('a saved text that holds NUL stays as it is, for the backend to refuse', () => {
    for (const text of ['a\u0000b', '\u00000\u0000', '$model\u0000', '\u00007\u0000']) {
      expect(interpolate({ scope: { models: [text] } }).scope?.models).toEqual([text]);
      expect(
        interpolate({ requests: { filters: [{ column: 'model', op: '=', value: text }] } }).requests?.filters
      ).toEqual([{ column: 'model', op: '=', value: text }]);
    }
  });
});

import { addMatchers } from './promql';

const add = (expr: string, key = 'model', op: '=' | '!=' | '=~' | '!~' | '>' = '=', ...values: string[]) =>
  addMatchers(expr, [{ key, op, values: values.length ? values : ['a'] }], {
    prometheus: { labels: { pod: 'kubernetes.pod', service: '' } },
  });

test.each([
  ['up', 'up{model_name="a"}'],
  ['up{}', 'up{model_name="a"}'],
  ['up{job="vllm"}', 'up{job="vllm",model_name="a"}'],
  ['up{job="vllm", }', 'up{job="vllm", model_name="a"}'],
  ['{__name__=~"vllm:.*"}', '{__name__=~"vllm:.*",model_name="a"}'],
  ['{"my.metric"}', '{"my.metric",model_name="a"}'],
  ['up{x="}{"}', 'up{x="}{",model_name="a"}'],
  [
    'sum by (pod) (rate(a:b[5m] offset 1h)) / on (pod) c',
    'sum by (pod) (rate(a:b{model_name="a"}[5m] offset 1h)) / on (pod) c{model_name="a"}',
  ],
  ['max_over_time(up[1h:1m] @ end())', 'max_over_time(up{model_name="a"}[1h:1m] @ end())'],
  ['rate(x[${__range_s}s])', 'rate(x{model_name="a"}[${__range_s}s])'],
  [
    'sum(rate(${__vllm_prefix}request_success_total[5m])) / ${__vllm_prefix}num_requests_running{a="b"}',
    'sum(rate(${__vllm_prefix}request_success_total{model_name="a"}[5m])) / ${__vllm_prefix}num_requests_running{a="b",model_name="a"}',
  ],
  [
    'sum(max without (${__vllm_copies}) (rate(x[5m])))',
    'sum(max without (${__vllm_copies}) (rate(x{model_name="a"}[5m])))',
  ],
  ['rate(x[$__rate_interval]) * $__interval_ms', 'rate(x{model_name="a"}[$__rate_interval]) * $__interval_ms'],
  ['increase(x[${__range}]) / $__range_s', 'increase(x{model_name="a"}[${__range}]) / $__range_s'],
  ['label_replace(up, "a", "$1", "b", "(.*)")', 'label_replace(up{model_name="a"}, "a", "$1", "b", "(.*)")'],
  ['up # all of {them}\n > 0', 'up{model_name="a"} # all of {them}\n > 0'],
  ['1 + 1', '1 + 1'],
  ['up{', undefined],
  ['sum(', undefined],
])('matchers go into every selector of %j', (expr, want) => {
  expect(add(expr)).toBe(want);
});

test.each<[Parameters<typeof add>, string | undefined]>([
  [['up', 'model', '!=', 'a'], 'up{model_name!="a"}'],
  [['up', 'model', '=', 'a.b', 'c'], 'up{model_name=~"a\\\\.b|c"}'],
  [['up', 'model', '!=', 'a', 'b'], 'up{model_name!~"a|b"}'],
  [['up', 'model', '=~', 'a.*'], 'up{model_name=~"a.*"}'],
  [['up', 'engine', '!~', '[01]'], 'up{engine!~"[01]"}'],
  [['up', 'pod', '=', 'a'], 'up{"kubernetes.pod"="a"}'],
  [['up', 'container', '=', 'a"} or vector(1) #\n\\'], 'up{container="a\\"} or vector(1) #\\n\\\\"}'],
  [['up', 'x"} or up{y', '=', 'a'], 'up{"x\\"} or up{y"="a"}'],
  [['up', 'service', '=', 'a'], undefined],
  [['up', 'model', '>', 'a'], undefined],
])('%j is %s', (args, want) => {
  expect(add(...args)).toBe(want);
});

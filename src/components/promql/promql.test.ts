import { CompletionContext } from '@codemirror/autocomplete';

import { FakeLists, fakeLists } from '../../testing/fakes';
import { LiveCompletion } from './complete';
import { parsed, problems } from './lint';
import { maskVariables } from './variables';

test.each([
  ['rate(x[$__rate_interval])', 'rate(x[111111111111111s])'],
  ['rate(x[${__interval:raw}] offset $shift)', 'rate(x[1111111111111111s] offset 11111s)'],
  ['rate($metric[5m])', 'rate(aaaaaaa[5m])'],
  ['vllm:${name}_total{$label="x"}', 'vllm:aaaaaaa_total{aaaaaa="x"}'],
  ['sum by (pod, $label) (x) > [[limit]]', 'sum by (pod, aaaaaa) (x) > 11111111s'],
  ['x{pod=~"$pod"} # $comment', 'x{pod=~"$pod"} # $comment'],
])('%s is checked as %s', (expr, checked) => {
  expect(maskVariables(expr).text).toBe(checked);
});

describe('problems', () => {
  test.each([
    '',
    'sum by (model_name) (rate(vllm:request_success_total[$__rate_interval]))',
    'avg_over_time(x[$__range:$__interval]) > $threshold',
    'x{pod=~"$pod", $label="a"}',
    'sum($metric)',
    'topk($n, x)',
    'histogram_quantile(0.99, sum by (le) (rate([[metric]]_bucket[5m])))',
  ])('none in: %s', async (expr) => {
    expect(await problems(expr)).toEqual([]);
  });

  test.each(['sum(', 'rate(up)', 'nonsense_function(up)', 'rate(up[$__interval]) + rate(up)'])(
    'some in: %s',
    async (expr) => {
      expect(await problems(expr)).not.toEqual([]);
    }
  );
});

describe('completion', () => {
  /** What is offered where the caret | stands. */
  async function offered(text: string, lists: FakeLists, onProblem = jest.fn()) {
    const pos = text.indexOf('|');
    const state = parsed(text.replace('|', ''));
    const known = fakeLists(lists);
    const asked = jest.spyOn(known, 'labelValues');
    const completion = new LiveCompletion({
      lists: known,
      ask: () => ({}),
      variables: () => ['model'],
      onProblem,
    });
    const found = await completion.promQL(new CompletionContext(state, pos, true));
    return { options: found?.options ?? [], asked, onProblem };
  }

  const metrics = [
    { name: 'vllm:num_requests_running', type: 'gauge', help: 'Running', vllm: true },
    { name: 'up', type: 'gauge' },
  ];

  test('offers metrics with what they are, vLLM first', async () => {
    const { options } = await offered('v|', { metrics });
    const own = options.find(({ label }) => label === 'vllm:num_requests_running');
    expect(own).toMatchObject({ detail: 'gauge', info: 'Running', boost: expect.any(Number) });
    expect(options.find(({ label }) => label === 'up')?.boost).toBeUndefined();
    expect(options.map(({ label }) => label)).toContain('sum');
  });

  test('offers the labels of the metric', async () => {
    const { options } = await offered('up{|}', { labels: ['job', 'pod'] });
    expect(options.map(({ label }) => label)).toEqual(['job', 'pod']);
  });

  test('offers the values that go with the other conditions', async () => {
    const { options, asked } = await offered('up{job="a", env!~"b.*", ns="$ns", pod="|"}', { labels: ['vllm-0'] });
    expect(options.map(({ label }) => label)).toEqual(['vllm-0']);
    expect(asked).toHaveBeenCalledWith('pod', { metric: 'up', match: ['job=a', 'env!~b.*'] }, {});
  });

  test('offers variables, those of the dashboard among them', async () => {
    const { options } = await offered('rate(x[$__|', {});
    expect(options.map(({ label }) => label)).toEqual([
      '$__rate_interval',
      '$__interval',
      '$__range',
      '${__vllm_prefix}',
      '$model',
    ]);
  });

  test('says when names cannot be had, and offers functions all the same', async () => {
    const down = new Error('Prometheus cannot be reached');
    const { options, onProblem } = await offered('su|', { metrics: down });
    expect(onProblem).toHaveBeenCalledWith(down);
    expect(options.map(({ label }) => label)).toContain('sum');
  });
});

import type { QueryType, VllmQuery } from '../../src/queryTypes';
import { Answer, EditorPage, expect, test } from './fixtures';

async function query(editor: EditorPage): Promise<VllmQuery> {
  return editor.shown<VllmQuery>('Query');
}

/** The first request that the stores know. */
async function someRequest(editor: EditorPage): Promise<Record<string, unknown>> {
  await editor.open({ editor: 'query', query: { queryType: 'requests', requests: { limit: 1 } } });
  return (await editor.run()).frames[0].first;
}

test('a new query shows requests', async ({ editor }) => {
  await editor.open({ editor: 'query' });
  expect((await query(editor)).queryType).toBe('requests');
  const [requests] = (await editor.run()).frames;
  expect(requests.rows).toBeGreaterThan(100);
  expect(requests.first.request_id).toMatch(/^\S{8,}$/);
});

const asked: Array<Partial<VllmQuery>> = [
  { queryType: 'requests' },
  { queryType: 'models' },
  { queryType: 'slo', slo: { metrics: ['attainment', 'ttft_attainment'] } },
  { queryType: 'logs' },
  { queryType: 'coverage' },
  { queryType: 'promql', promql: { expr: 'vllm:num_requests_running' } },
];
for (const part of asked) {
  test(`the plugin answers ${part.queryType} from its stores`, async ({ editor }) => {
    await editor.open({ editor: 'query', query: part });
    const { frames, errors } = await editor.run();
    expect(errors).toBeUndefined();
    expect(frames[0].rows).toBeGreaterThan(0);
  });
}

test('a request is found by its id', async ({ editor }) => {
  const { request_id: id } = await someRequest(editor);
  await editor.open({ editor: 'query', query: { queryType: 'request', request: { id: '' } } });
  const { frames } = await editor.answerTo(() => editor.type('Id', ` ${id} `));
  expect((await query(editor)).request?.id).toBe(id);
  expect(frames.length).toBeGreaterThan(1);
  expect(frames.some(({ first }) => first.request_id === id)).toBe(true);
});

test('a trace is found by its id, or among those of the slowest requests', async ({ editor }) => {
  await editor.open({ editor: 'query', query: { queryType: 'trace', trace: { traceId: '' } } });
  await editor.choose('Trace id', /chatcmpl-7/, 'chatcmpl-7');
  await expect(editor.page.getByRole('alert')).toContainText('hexadecimal digits');
  await editor.choose('Trace id', /^[0-9a-f]{32}/);
  await expect.poll(async () => (await editor.shown<Answer>('Answer')).frames.length).toBeGreaterThan(0);
  const [trace] = (await editor.shown<Answer>('Answer')).frames;
  expect(trace.first.traceID).toBe((await query(editor)).trace?.traceId);
});

test('the kind is chosen, and its own fields appear', async ({ editor }) => {
  await editor.open({ editor: 'query' });
  await editor.answerTo(() => editor.choose('Show', /^Models/));
  expect((await query(editor)).queryType).toBe('models');
  await expect(editor.menu('Figures')).toBeVisible();
  await expect(editor.menu('Sort by')).toBeHidden();
});

test('requests are narrowed to a model that the stores have', async ({ editor }) => {
  await editor.open({ editor: 'query', query: { queryType: 'requests' } });
  const { frames } = await editor.answerTo(() => editor.choose('Models', /Llama/, 'llama'));
  const [model] = (await query(editor)).scope?.models ?? [];
  expect(model).toMatch(/Llama/);
  expect(frames[0].rows).toBeGreaterThan(0);
  expect(frames[0].first.model).toBe(model);
});

test('requests are filtered by a duration as people write it', async ({ editor }) => {
  const fastestFirst = { limit: 1, sort: { column: 'e2e', desc: false } };
  await editor.open({ editor: 'query', query: { queryType: 'requests', requests: fastestFirst } });
  const all = await editor.run();
  await editor.page.getByRole('button', { name: 'Filter', exact: true }).click();
  await editor.choose('Where', /^e2e/, 'e2e');
  await editor.type('Value', 'soon');
  await expect(editor.page.getByText('A duration such as 500ms, 2s or 1m30s')).toBeVisible();
  const slow = await editor.answerTo(() => editor.type('Value', '2s'));
  await expect(editor.page.getByText('A duration such as 500ms, 2s or 1m30s')).toBeHidden();
  expect((await query(editor)).requests?.filters).toEqual([{ column: 'e2e', op: '>', value: '2s' }]);
  expect(all.frames[0].first.e2e).toBeLessThan(2);
  expect(slow.frames[0].first.e2e).toBeGreaterThan(2);
});

test('PromQL is completed from what Prometheus has', async ({ editor }) => {
  await editor.open({ editor: 'query', query: { queryType: 'promql', promql: { expr: '' } } });
  await editor.page.getByRole('textbox', { name: /^PromQL/ }).click();
  await editor.page.keyboard.type('vllm:num_requests_run');
  await expect(editor.page.getByRole('option', { name: /vllm:num_requests_running/ })).toBeVisible();
  const { frames } = await editor.answerTo(async () => {
    await editor.page.keyboard.press('Enter');
    await editor.page.keyboard.press('Tab');
  });
  expect((await query(editor)).promql?.expr).toBe('vllm:num_requests_running');
  expect(frames[0].rows).toBeGreaterThan(0);
});

test('what a store refuses is said, not hidden', async ({ editor }) => {
  await editor.open({ editor: 'query', query: { queryType: 'promql', promql: { expr: 'sum(' } } });
  const { errors } = await editor.run();
  expect(errors?.[0].message).toContain('parse error');
});

test.describe('in an alert rule', () => {
  test('only kinds that give numbers are offered', async ({ editor }) => {
    const alerting: QueryType[] = ['requests', 'models', 'slo', 'coverage', 'promql'];
    await editor.open({ editor: 'query', app: 'unified-alerting' });
    expect(alerting).toContain((await query(editor)).queryType);
    await editor.menu('Show').click();
    await expect(editor.page.getByRole('option')).toHaveText([/^Requests/, /^Models/, /^SLO/, /^Coverage/, /^PromQL/]);
  });

  test('a query that gives rows is called that', async ({ editor }) => {
    await editor.open({ editor: 'query', app: 'unified-alerting', query: { queryType: 'logs' } });
    await expect(editor.page.getByRole('alert')).toContainText('An alert rule compares numbers');
  });

  test('a number for each model is compared', async ({ editor }) => {
    await editor.open({ editor: 'query', app: 'unified-alerting' });
    const { frames }: Answer = await editor.run();
    expect(frames.length).toBeGreaterThan(0);
    expect(frames[0].rows).toBe(1);
  });
});

test('an annotation shows what happened to engines', async ({ editor }) => {
  await editor.open({ editor: 'annotation' });
  expect((await query(editor)).queryType).toBe('annotations');
  const { frames, errors } = await editor.run();
  expect(errors).toBeUndefined();
  expect(frames[0].rows).toBeGreaterThan(0);
  expect(frames[0].first).toHaveProperty('title');
});

test('a variable lists what the stores have', async ({ editor }) => {
  await editor.open({ editor: 'variable' });
  await editor.choose('List', 'Models');
  await editor.page.getByRole('button', { name: 'Preview' }).click();
  await expect.poll(() => editor.shown<string[]>('Values')).toContainEqual(expect.stringContaining('Llama'));
});

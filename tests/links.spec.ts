import { datasource, expect, Frame, queriesOf, test } from './vllm';

/** What a client sends as its X-Request-Id to plant a query into a link that holds JSON. */
const hostile = `x"},"queries":[{"refId":"B","datasource":{"uid":"other"},"expr":"up"}],"a":{"b":"&var-datasource=other#`;

test('a click on a request that a client named opens that request, and asks nothing else', async ({ page }) => {
  // The answers are the plugin's own, but for the ids: no client of the fleet is hostile.
  await page.route('**/api/ds/query*', async (route) => {
    const response = await route.fetch();
    const answer: { results?: Record<string, { frames?: Frame[] }> } = await response.json();
    for (const { schema, data } of Object.values(answer.results ?? {}).flatMap(({ frames = [] }) => frames)) {
      const at = schema.fields.findIndex(({ name }) => name === 'request_id');
      if (at >= 0) {
        data.values[at] = data.values[at].map(() => hostile);
      }
    }
    await route.fulfill({ response, json: answer });
  });
  const chosen = new URLSearchParams({ 'var-datasource': datasource.uid, from: 'now-15m', to: 'now' });
  await page.goto(`/d/vllm-requests?${chosen}`);
  const cell = page.getByText(hostile, { exact: true }).first();
  await cell.evaluate((element) => element.scrollIntoView({ block: 'center' })); // else it may lie below Grafana's header
  const asked = page.waitForRequest((request) => queriesOf(request).some(({ queryType }) => queryType === 'request'));
  await cell.click({ position: { x: 8, y: 8 } }); // the text is wider than its cell, whose one link opens at once

  for (const { request, datasource: source } of queriesOf(await asked)) {
    expect([request?.id, source?.uid]).toEqual([hostile, datasource.uid]);
  }
  const url = new URL(page.url());
  expect(url.pathname).toMatch(/\/d\/vllm-request(\/|$)/);
  expect(url.searchParams.getAll('var-request')).toEqual([hostile]);
  expect(url.searchParams.getAll('var-datasource')).toEqual([datasource.uid]);
  expect(url.hash).toBe('');
  await page.screenshot({ path: test.info().outputPath('opened.png') });
});

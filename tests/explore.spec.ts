import { answered, expect, explore, rowCount, rows, test } from './vllm';

test('a request id opens the request', async ({ page }) => {
  const requests = answered(page, 'requests');
  await page.goto(explore({ queryType: 'requests', requests: { sort: { column: 'e2e', desc: true } } }));
  const [{ request_id: id }] = rows((await requests)[0]);
  const request = answered(page, 'request');
  await page
    .getByRole('link', { name: String(id) })
    .first()
    .click();
  const parts = await request;
  expect(parts.length).toBeGreaterThan(1);
  expect(rowCount(parts)).toBeGreaterThan(0);
  await expect(page).toHaveURL(
    new RegExp(encodeURIComponent(encodeURIComponent(String(id))).replace(/%25/g, '%(25)?'))
  );
});

test('a trace id opens the trace', async ({ page }) => {
  const requests = answered(page, 'requests');
  await page.goto(explore({ queryType: 'requests', requests: { filters: [{ column: 'trace_id', op: 'not null' }] } }));
  const [{ trace_id: id }] = rows((await requests)[0]);
  const trace = answered(page, 'trace');
  await page
    .getByRole('link', { name: String(id) })
    .first()
    .click();
  expect(rowCount(await trace)).toBeGreaterThan(0);
  await expect(page.getByText('llm_request').first()).toBeVisible();
});

test('logs come with their volume', async ({ page }) => {
  const logs = answered(page, 'logs');
  await page.goto(explore({ queryType: 'logs' }));
  expect(rowCount(await logs)).toBeGreaterThan(0);
  await expect(page.getByText('Logs volume').first()).toBeVisible();
  await expect(page.getByText(/Received request/).first()).toBeVisible();
});

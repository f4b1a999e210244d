import { expect, rowCount, answered, someRequest, test } from './vllm';

for (const uid of ['vllm-health', 'vllm-fleet', 'vllm-requests', 'vllm-slo']) {
  test(`${uid} loads, and no panel of it fails`, async ({ gotoDashboardPage }) => {
    const dashboard = await gotoDashboardPage({ uid });
    await dashboard.waitForPanelsQueriesToComplete({ timeout: 60_000, scrollAll: true });
    await expect(dashboard).not.toHavePanelErrors();
  });
}

test('vllm-request shows the request that its address names', async ({ dashboardPage, page }) => {
  const { id } = await someRequest(page.request);
  const answer = answered(page, 'request');
  await page.goto(`/d/vllm-request?${new URLSearchParams({ 'var-request': id, from: 'now-30m', to: 'now' })}`);
  expect(rowCount(await answer)).toBeGreaterThan(0);
  await dashboardPage.waitForPanelsQueriesToComplete({ timeout: 60_000, scrollAll: true });
  await expect(dashboardPage).not.toHavePanelErrors();
});

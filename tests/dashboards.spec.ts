import { timeouts } from './timeouts';
import { answered, datasource, expect, rowCount, someRequest, test } from './vllm';

/** The one with stores: a test beside may have made another, whose name comes first. */
const chosen = { 'var-datasource': datasource.uid };

for (const uid of ['vllm-health', 'vllm-fleet', 'vllm-requests', 'vllm-slo']) {
  test(`${uid} loads, and no panel of it fails`, async ({ gotoDashboardPage }) => {
    const dashboard = await gotoDashboardPage({ uid, queryParams: new URLSearchParams(chosen) });
    await dashboard.waitForPanelsQueriesToComplete({ timeout: timeouts.timeout, scrollAll: true });
    await expect(dashboard).not.toHavePanelErrors();
  });
}

test('vllm-request shows the request that its address names', async ({ dashboardPage, page }) => {
  const { id } = await someRequest(page.request);
  const answer = answered(page, 'request');
  const shown = { ...chosen, 'var-request': id, from: 'now-30m', to: 'now' };
  await page.goto(`/d/vllm-request?${new URLSearchParams(shown)}`);
  expect(rowCount(await answer)).toBeGreaterThan(0);
  await dashboardPage.waitForPanelsQueriesToComplete({ timeout: timeouts.timeout, scrollAll: true });
  await expect(dashboardPage).not.toHavePanelErrors();
});

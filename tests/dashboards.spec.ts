import { expect, someRequest, test } from './vllm';

for (const uid of ['vllm-fleet', 'vllm-requests', 'vllm-request']) {
  test(`${uid} loads, and no panel of it fails`, async ({ gotoDashboardPage, page }) => {
    const { id } = await someRequest(page.request);
    const dashboard = await gotoDashboardPage({
      uid,
      timeRange: { from: 'now-15m', to: 'now' },
      queryParams: new URLSearchParams({ 'var-request': id }),
    });
    await dashboard.waitForPanelsQueriesToComplete({ timeout: 60_000, scrollAll: true });
    await expect(dashboard).not.toHavePanelErrors();
  });
}

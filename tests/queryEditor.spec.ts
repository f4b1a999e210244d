import { queryTypes, VllmQuery } from '../src/queryTypes';
import { answered, expect, rowCount, rows, savePanel, someRequest, test } from './vllm';

/** What one has to say before a kind can answer. */
const asked: Partial<Record<string, (known: { id: string; trace: string }) => Partial<VllmQuery>>> = {
  request: ({ id }) => ({ request: { id } }),
  trace: ({ trace }) => ({ trace: { traceId: trace } }),
  promql: () => ({ promql: { expr: 'up' } }),
};

test('a new query shows the slowest requests', async ({ panelEditPage, page }) => {
  const answer = answered(page, 'requests');
  await panelEditPage.datasource.set('vLLM');
  const slowest = rows((await answer)[0]).map(({ e2e }) => Number(e2e));
  expect(slowest.length).toBeGreaterThan(0);
  expect(slowest).toEqual([...slowest].sort((a, b) => b - a));
  await expect(panelEditPage.getQueryEditorRow('A').getByLabel('Show', { exact: true })).toHaveValue('Requests');
});

test('the kind is chosen, and brings its own fields', async ({ page, gotoPanelEditPage }) => {
  await savePanel(page.request, 'e2e-choice', { queryType: 'requests' });
  const panel = await gotoPanelEditPage({ dashboard: { uid: 'e2e-choice' }, id: '1' });
  const row = panel.getQueryEditorRow('A');
  await row.getByLabel('Show', { exact: true }).click();
  const answer = answered(page, 'models');
  await page.getByRole('option', { name: /^Models/ }).click();
  expect(rowCount(await answer)).toBeGreaterThan(0);
  await expect(row.getByLabel('Figures')).toBeVisible();
});

for (const queryType of queryTypes) {
  test(`a panel of kind ${queryType} has data`, async ({ page, gotoDashboardPage }) => {
    const known = await someRequest(page.request);
    const uid = `e2e-${queryType}`;
    // What happens to engines is rare: a few minutes may have none of it.
    const time = queryType === 'annotations' ? { from: 'now-6h', to: 'now' } : undefined;
    await savePanel(page.request, uid, { queryType, ...asked[queryType]?.(known) }, time);
    const answer = answered(page, queryType);
    const dashboard = await gotoDashboardPage({ uid });
    expect(rowCount(await answer)).toBeGreaterThan(0);
    await expect(dashboard).not.toHavePanelErrors();
  });
}

import { datasource, expect, explore, test } from './vllm';

test('the config editor has no violation', async ({ gotoDataSourceConfigPage, scanForA11yViolations, page }) => {
  await gotoDataSourceConfigPage(datasource.uid);
  await expect(page.getByRole('region', { name: 'Limits' })).toBeVisible();
  expect(await scanForA11yViolations({ include: 'form' })).toHaveNoA11yViolations();
});

test('the query editor has no violation', async ({ scanForA11yViolations, page }) => {
  await page.goto(explore({ queryType: 'requests' }));
  await expect(page.getByLabel('Show', { exact: true })).toBeVisible();
  // The arrow of Grafana 12's own MultiCombobox says that it expands, without a role.
  const exclude = '[id^="downshift-"][id$="-toggle-button"]';
  const found = await scanForA11yViolations({ include: '[data-testid="query-editor-row"]', exclude });
  expect(found).toHaveNoA11yViolations();
});

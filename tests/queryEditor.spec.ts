import { expect, test } from '@grafana/plugin-e2e';

test('a new query shows the slowest requests', async ({ panelEditPage, readProvisionedDataSource, page }) => {
  const { name } = await readProvisionedDataSource({ fileName: 'vllm.yml' });
  await panelEditPage.datasource.set(name);
  await expect(panelEditPage.getQueryEditorRow('A').getByLabel('Show')).toHaveValue('Requests');
  await panelEditPage.setVisualization('Table');
  await expect(panelEditPage.refreshPanel()).toBeOK();
  await expect(page.getByText('request_id').first()).toBeVisible();
});

test('another kind brings its own fields', async ({ panelEditPage, readProvisionedDataSource, page }) => {
  const { name } = await readProvisionedDataSource({ fileName: 'vllm.yml' });
  await panelEditPage.datasource.set(name);
  const row = panelEditPage.getQueryEditorRow('A');
  await row.getByLabel('Show').click();
  await page.getByRole('option', { name: /^Models/ }).click();
  await expect(row.getByLabel('Figures')).toBeVisible();
});

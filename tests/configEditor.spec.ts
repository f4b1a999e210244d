import { expect, test } from '@grafana/plugin-e2e';

import type { VllmDataSourceOptions } from '../src/types';

test('the provisioned data source is healthy', async ({ readProvisionedDataSource, gotoDataSourceConfigPage }) => {
  const { uid } = await readProvisionedDataSource<VllmDataSourceOptions>({ fileName: 'vllm.yml' });
  const config = await gotoDataSourceConfigPage(uid ?? 'vllm');
  await expect(config.saveAndTest()).toBeOK();
});

test('a new data source without stores says that it has none', async ({ createDataSourceConfigPage }) => {
  const config = await createDataSourceConfigPage({ type: 'llmserving-vllm-datasource' });
  await expect(config.saveAndTest()).not.toBeOK();
});

test('an address of the wrong kind is called that before it is saved', async ({ createDataSourceConfigPage, page }) => {
  await createDataSourceConfigPage({ type: 'llmserving-vllm-datasource' });
  const jaeger = page.getByRole('region', { name: 'Jaeger', exact: true });
  await jaeger.getByLabel('URL').fill('ftp://jaeger:16685');
  await expect(jaeger.getByText('It begins with grpc://')).toBeVisible();
});

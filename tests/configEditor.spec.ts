import plugin from '../plugin.json';
import { datasource, expect, test } from './vllm';

const type = plugin.id;

test('the provisioned data source is healthy', async ({ gotoDataSourceConfigPage }) => {
  const config = await gotoDataSourceConfigPage(datasource.uid);
  await expect(config.saveAndTest()).toBeOK();
  await expect(config).toHaveAlert('success');
});

test('a new data source without stores says that it has none', async ({ createDataSourceConfigPage }) => {
  const config = await createDataSourceConfigPage({ type });
  await expect(config.saveAndTest()).not.toBeOK();
  await expect(config).toHaveAlert('error', { hasText: 'No store is configured' });
});

test('a store that is not there is named, with the reason', async ({ createDataSourceConfigPage, page }) => {
  const config = await createDataSourceConfigPage({ type });
  const prometheus = page.getByRole('region', { name: 'Prometheus', exact: true });
  await prometheus.getByLabel(/^URL/).fill('http://127.0.0.1:1');
  await expect(config.saveAndTest()).not.toBeOK();
  await expect(config).toHaveAlert('error', { hasText: /Prometheus.*(refused|reach)/is });
});

test('an address of the wrong kind is called that before it is saved', async ({ createDataSourceConfigPage, page }) => {
  await createDataSourceConfigPage({ type });
  const jaeger = page.getByRole('region', { name: 'Jaeger', exact: true });
  await jaeger.getByLabel(/^URL/).fill('ftp://jaeger:16685');
  await expect(jaeger.getByText('It begins with grpc://')).toBeVisible();
});

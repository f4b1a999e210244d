import type { Page } from '@playwright/test';

import type { Settings } from '../../src/settings';
import { stores } from '../../src/types';
import { EditorPage, expect, test } from './fixtures';

const titles = { prometheus: 'Prometheus', loki: 'Loki', jaeger: 'Jaeger' } as const;

function settings(editor: EditorPage): Promise<Settings> {
  return editor.shown<Settings>('Settings');
}

function section(page: Page, name: string) {
  return page.getByRole('region', { name, exact: true });
}

async function saveAndTest(page: Page) {
  await page.getByRole('button', { name: 'Save & test' }).click();
}

test('three addresses make a data source, and the report says what each store is', async ({ editor }) => {
  await editor.open({ editor: 'config' });
  const { jsonData: known } = await settings(editor);
  await editor.open({ editor: 'config', uid: 'three-addresses' });
  for (const store of stores) {
    await section(editor.page, titles[store])
      .getByLabel('URL')
      .fill(known[store]?.url ?? '');
  }
  await section(editor.page, 'vLLM').getByLabel('Scrape interval').fill('5s');
  await saveAndTest(editor.page);
  const findings = editor.page.getByRole('region', { name: 'What the test found' }).getByRole('listitem');
  for (const store of stores) {
    await expect(findings.filter({ hasText: new RegExp(`^OK: ${titles[store]}`, 'i') })).toBeVisible();
  }
});

test('a store that does not answer is named', async ({ editor }) => {
  await editor.open({ editor: 'config', uid: 'no-answer' });
  await section(editor.page, 'Prometheus').getByLabel('URL').fill('http://127.0.0.1:1');
  await saveAndTest(editor.page);
  await expect(editor.page.getByRole('alert')).toContainText(/Prometheus/);
  await expect(editor.page.getByRole('alert')).toContainText(/connection refused/);
});

test('a data source without a store says that it has none', async ({ editor }) => {
  await editor.open({ editor: 'config', uid: 'empty' });
  await saveAndTest(editor.page);
  await expect(editor.page.getByRole('alert')).toBeVisible();
});

test('a secret is saved, never shown again, and can be reset', async ({ editor }) => {
  await editor.open({ editor: 'config', uid: 'secrets' });
  const prometheus = section(editor.page, 'Prometheus');
  const token = prometheus.getByLabel('Token', { exact: true });
  await prometheus.getByRole('radio', { name: 'Bearer token' }).check();
  await token.fill('hunter2');
  await saveAndTest(editor.page);
  await expect(token).toBeDisabled();
  expect(await settings(editor)).toMatchObject({ secureJsonFields: { prometheusBearerToken: true } });
  await editor.open({ editor: 'config', uid: 'secrets' });
  expect(await editor.page.content()).not.toContain('hunter2');

  await prometheus.getByRole('button', { name: 'Reset' }).click();
  await expect(token).toBeEnabled();
  await expect(token).toHaveValue('');
  await saveAndTest(editor.page);
  await expect.poll(async () => (await settings(editor)).secureJsonFields).toEqual({});
});

test('what a field cannot be is said below it', async ({ editor }) => {
  await editor.open({ editor: 'config', uid: 'problems' });
  const address = section(editor.page, 'Jaeger').getByLabel('URL');
  await address.fill('ftp://jaeger:16685');
  await expect(editor.page.getByText('It begins with grpc://')).toBeVisible();
  await expect(address).toHaveAttribute('aria-invalid', 'true');
  await address.fill('grpc://jaeger');
  await expect(editor.page.getByText('It names a port')).toBeVisible();
  await address.fill('grpc://jaeger:16685');
  await expect(editor.page.getByText('It names a port')).toBeHidden();
  await section(editor.page, 'vLLM').getByLabel('Scrape interval').fill('1h');
  await expect(editor.page.getByText('Between 1 s and 300 s')).toBeVisible();
});

import type { Locator } from '@playwright/test';

import { queryTypes, VllmQuery } from '../../src/queryTypes';
import type { Settings } from '../../src/settings';
import { Answer, EditorPage, expect, test } from './fixtures';

/** No mouse here: Tab, Enter, Space, Escape, arrows and letters only. */

for (const queryType of queryTypes) {
  test(`Tab reaches every control of ${queryType} in its order, and leaves`, async ({ editor }) => {
    const filters = [{ column: 'ttft', op: '>', value: '1s' }] as const;
    await editor.open({ editor: 'query', query: { queryType, requests: { filters: [...filters] } } });
    await expectEveryStop(editor);
  });
}

test('Tab reaches every control of the settings in its order, and leaves', async ({ editor }) => {
  await editor.open({ editor: 'config', uid: 'keyboard-order' });
  await expectEveryStop(editor);
});

test('a query is written and run', async ({ editor }) => {
  const { keyboard } = editor.page;
  await editor.open({ editor: 'query' });
  await tabTo(editor, editor.menu('Show'));
  await keyboard.press('ArrowDown');
  await keyboard.type('Models');
  await arrowTo(editor, editor.page.getByRole('option', { name: /^Models/ }));
  await keyboard.press('Enter');
  await tabTo(editor, editor.menu('Models'));
  await keyboard.type('llama');
  const llama = editor.page.getByRole('option', { name: /Llama-/ }).first();
  await expect(llama).toBeVisible();
  await expect(editor.page.getByRole('option', { name: '$model' })).toBeHidden(); // which the search for its first letter has
  await arrowTo(editor, llama);
  await keyboard.press('Enter');
  await keyboard.press('Escape');
  await tabTo(editor, editor.page.getByRole('radio', { name: 'Table' }));
  await keyboard.press('ArrowRight');
  await tabTo(editor, editor.page.getByRole('button', { name: 'Run query' }));
  const { frames, errors }: Answer = await editor.answerTo(() => keyboard.press('Enter'));
  expect(errors).toBeUndefined();
  expect(frames[0].rows).toBeGreaterThan(0);
  const { queryType, scope, models } = await editor.shown<VllmQuery>('Query');
  expect({ queryType, form: models?.form }).toEqual({ queryType: 'models', form: 'timeseries' });
  expect(scope?.models?.[0]).toMatch(/Llama-/);
});

test('a store is set up, saved and tested', async ({ editor }, { repeatEachIndex }) => {
  const { page } = editor;
  const { keyboard } = page;
  await editor.open({ editor: 'config', uid: `keyboard-settings-${repeatEachIndex}` });
  const prometheus = page.getByRole('region', { name: 'Prometheus', exact: true });
  await tabTo(editor, prometheus.getByLabel('URL'));
  await keyboard.type('http://127.0.0.1:1');
  await tabTo(editor, prometheus.getByRole('radio', { name: 'None' }));
  await keyboard.press('ArrowRight');
  await keyboard.press('ArrowRight');
  await tabTo(editor, prometheus.getByLabel('Token', { exact: true }));
  await keyboard.type('hunter2');
  await tabTo(editor, prometheus.getByRole('button', { name: 'Prometheus: TLS' }));
  await keyboard.press('Enter');
  await tabTo(editor, prometheus.getByLabel('Skip verification'));
  await keyboard.press('Space');
  await tabTo(editor, page.getByRole('button', { name: 'Save & test' }));
  await keyboard.press('Enter');
  await expect(page.getByRole('alert')).toContainText('Prometheus');
  expect(await editor.shown<Settings>('Settings')).toMatchObject({
    jsonData: { prometheus: { url: 'http://127.0.0.1:1', auth: 'bearer', tls: { skipVerify: true } } },
    secureJsonFields: { prometheusBearerToken: true },
  });
});

/** More than any editor has. */
const enough = 80;

async function tabTo(editor: EditorPage, target: Locator) {
  for (let pressed = 0; pressed < enough; pressed++) {
    if (await target.evaluate((element) => element === document.activeElement)) {
      return;
    }
    await editor.page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not reach ${target}`);
}

/** Moves down an open menu. */
async function arrowTo({ page }: EditorPage, option: Locator) {
  await expect(option).toBeVisible();
  for (let pressed = 0; pressed < enough; pressed++) {
    if (await option.evaluate((element) => element.ariaSelected === 'true')) {
      return;
    }
    await page.keyboard.press('ArrowDown');
  }
  throw new Error(`arrows do not reach ${option}`);
}

/** Tab must stop at all that can be used, in the order in which it stands on the page. */
async function expectEveryStop({ page }: EditorPage) {
  await expect(page.locator('main input, main button').first()).toBeVisible();
  for (let pressed = 0; pressed < enough; pressed++) {
    await page.keyboard.press('Tab');
    const isNew = await page.evaluate((i) => {
      const at = document.activeElement as HTMLElement;
      const isStop = at !== document.body && at.dataset.stop === undefined;
      at.dataset.stop ??= String(i);
      return isStop;
    }, pressed);
    if (!isNew) {
      break; // out of the page, or held in a field
    }
  }
  const stops = await page.evaluate(() => {
    const kinds = ['a[href]', 'button', 'input', 'textarea', '[contenteditable=true]', '[tabindex]'];
    const usable = [...document.querySelectorAll<HTMLElement>(kinds.map((kind) => `main ${kind}`).join())].filter(
      (element) =>
        (element.tabIndex >= 0 || element.isContentEditable) &&
        !element.matches(':disabled') &&
        element.checkVisibility()
    );
    // Of a group of radio buttons only the chosen one is a stop; arrows reach the others.
    const isStop = (element: HTMLElement) =>
      !(element instanceof HTMLInputElement && element.type === 'radio' && !element.checked);
    return usable
      .filter(isStop)
      .map(({ ariaLabel, id, tagName, dataset }) => [ariaLabel || id || tagName, dataset.stop]);
  });
  expect(stops.length).toBeGreaterThan(2);
  expect(stops).toEqual(stops.map(([name], i) => [name, String(i)]));
}

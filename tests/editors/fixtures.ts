import { chromium, expect, Locator, Page, test as base } from '@playwright/test';

import type { VllmQuery } from '../../src/queryTypes';

export { expect };

export const themes = ['dark', 'light'] as const;

interface Shown {
  editor: 'config' | 'query' | 'annotation' | 'variable';
  theme?: (typeof themes)[number];
  app?: 'explore' | 'panel-editor' | 'unified-alerting';
  query?: Partial<VllmQuery>;
  /** The data source: vllm, which has stores, or any other name for a new one of that test's own. */
  uid?: string;
}

/** What the page says about an answer: see shell/QueryPage.tsx. */
export interface Answer {
  /** Runs so far, and the one that this is the answer to. */
  asked: number;
  answered: number;
  errors?: Array<{ message: string }>;
  frames: Array<{ name: string; rows: number; first: Record<string, unknown>; notices?: Array<{ text: string }> }>;
}

/** One editor on the page, and what the page knows about it. */
export class EditorPage {
  constructor(readonly page: Page) {}

  async open({ query, ...rest }: Shown) {
    const params = new URLSearchParams({ ...rest, ...(query && { query: JSON.stringify(query) }) });
    await this.page.goto(`/?${params}`);
    await expect(this.page.getByRole('heading', { level: 1 })).toBeVisible();
    await expect(this.page.getByText('Loading…', { exact: true })).toHaveCount(0); // editors that come in chunks of their own
    if (query?.queryType === 'promql') {
      await expect(this.page.getByRole('textbox', { name: /^PromQL/ })).toBeAttached(); // a chunk of its own
    }
    await expect(this.page.locator('main svg:empty')).toHaveCount(0); // icons on their way
  }

  /** Saves settings without an editor. */
  async saveSettings(uid: string, settings: object) {
    await expect(await this.page.request.put(`/api/datasources/uid/${uid}`, { data: settings })).toBeOK();
  }

  /** What the page shows as JSON: Query, Answer, Settings or Values. */
  async shown<Value>(name: string): Promise<Value> {
    return JSON.parse(await this.page.getByRole('region', { name, exact: true }).innerText());
  }

  /** Gives the answer to what is asked by doing this. */
  async answerTo(act: () => Promise<void>): Promise<Answer> {
    const before = await this.shown<Answer>('Answer');
    await act();
    await expect(async () => {
      const { asked, answered } = await this.shown<Answer>('Answer');
      expect(asked).toBeGreaterThan(before.asked);
      expect(answered).toBe(asked);
    }).toPass();
    return this.shown<Answer>('Answer');
  }

  run(): Promise<Answer> {
    return this.answerTo(() => this.page.getByRole('button', { name: 'Run query' }).click());
  }

  /** The input of a menu, not the list that it opens, which has the same name. */
  menu(name: string): Locator {
    return this.page.getByRole('combobox', { name, exact: true });
  }

  /** Opens a menu, searches in it, and takes an option. */
  async choose(name: string, option: string | RegExp, search = '') {
    await this.menu(name).click();
    await this.menu(name).fill(search);
    await this.page.getByRole('option', { name: option }).first().click();
  }

  /** Types into a field, or into a menu that takes what is typed, and presses Enter, which is when the value counts. */
  async type(name: string, text: string) {
    await this.page.getByRole('textbox', { name, exact: true }).or(this.menu(name)).fill(text);
    await this.page.keyboard.press('Enter');
  }
}

/**
 * One tab per worker, and a profile of its own. Each test opens new documents in it: what a context of its own would add is
 * that Chromium keeps no compiled scripts for it, and Grafana's parts are 10 MB, most of what a test costs.
 */
export const test = base.extend<{ editor: EditorPage }, { tab: Page }>({
  tab: [
    async ({ launchOptions }, use, { project }) => {
      const { viewport, baseURL } = project.use;
      const context = await chromium.launchPersistentContext('', { ...launchOptions, viewport, baseURL });
      const [tab] = context.pages();
      await use(tab);
      await context.close();
    },
    { scope: 'worker' },
  ],
  page: async ({ tab }, use) => {
    await use(tab);
    await tab.mouse.move(0, 0);
    await tab.goto('about:blank');
  },
  editor: async ({ page }, use) => {
    const errors: string[] = [];
    const note = (error: Error) => errors.push(error.message);
    page.on('pageerror', note);
    await use(new EditorPage(page));
    page.off('pageerror', note);
    expect(errors, 'what the page threw').toEqual([]);
  },
});

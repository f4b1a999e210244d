import { defineConfig } from '@playwright/test';

import { timeouts } from '../timeouts';
import { findChromium } from './chromium';

const chromium = findChromium();
if (!chromium && process.env.CI) {
  throw new Error('no Chromium on PATH, and CHROMIUM names none: nothing would be proven');
}
if (!chromium && process.env.TEST_WORKER_INDEX === undefined) {
  console.log('SKIPPED: no Chromium on PATH, and CHROMIUM names none. What needs no browser runs.');
}

/**
 * The editors in a browser, with real Grafana components around them and the built plugin with real stores behind them:
 * tools/editors starts all that and then these tests. `npm run build` and `go tool mage build:backend` come first.
 */
export default defineConfig({
  testDir: '.',
  testMatch: chromium ? '*.spec.ts' : 'react19.spec.ts',
  outputDir: '../../.cache/editors/results',
  globalSetup: './bundleShell.ts',
  fullyParallel: true,
  workers: 2,
  forbidOnly: Boolean(process.env.CI),
  reporter: 'list',
  ...timeouts,
  use: {
    baseURL: process.env.EDITORS_URL,
    viewport: { width: 1200, height: 900 },
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: chromium,
      // In CI a sandbox inside a container is not to be had; the page is ours and nothing outside is reached.
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
    },
  },
});

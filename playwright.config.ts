import type { PluginOptions } from '@grafana/plugin-e2e';
import { defineConfig, devices } from '@playwright/test';

import { findChromium } from './tests/editors/chromium';
import { timeouts } from './tests/timeouts';

/**
 * The specs in tests/ run against the Grafana at GRAFANA_URL, which has this plugin and provisioning/ of this repository, and
 * in a browser that is there already. `go tool mage e2e` starts all that. Each test signs in by itself: see tests/vllm.ts.
 */
export default defineConfig<PluginOptions>({
  testDir: './tests',
  testIgnore: 'editors/**',
  fullyParallel: true,
  workers: 2,
  forbidOnly: Boolean(process.env.CI),
  retries: process.env.CI ? 2 : 0,
  reporter: [['list'], ['html', { open: 'never' }]],
  ...timeouts,
  use: {
    baseURL: process.env.GRAFANA_URL || 'http://localhost:3000',
    ...devices['Desktop Chrome'],
    viewport: { width: 1440, height: 1000 },
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: findChromium(),
      // In a container there is no sandbox to be had, and nothing but this Grafana is reached.
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
    },
  },
});

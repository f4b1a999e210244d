import { defineConfig } from 'eslint/config';
import baseConfig from './.config/eslint.config.mjs';

export default defineConfig([
  {
    ignores: ['.cache/', '**/node_modules/', 'coverage/', 'dist/', 'playwright-report/', 'test-results/', 'tools/'],
  },
  ...baseConfig,
]);

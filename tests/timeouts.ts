/** How many times its defaults a slow machine gives to tests: TEST_TIMEOUT_FACTOR. */
const factor = Number(process.env.TEST_TIMEOUT_FACTOR) || 1;

/** Playwright's own defaults, in milliseconds, times that factor. */
export const timeouts = { timeout: 30_000 * factor, expect: { timeout: 5_000 * factor } };

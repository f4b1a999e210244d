// Times in tests read the same everywhere.
process.env.TZ = 'UTC';

const base = require('./.config/jest.config');

const [compile] = Object.values(base.transform);

module.exports = {
  ...base,
  testMatch: [...base.testMatch, '<rootDir>/tools/dashboards/*.test.ts'],
  // Jest's own default, times what a slow machine asks for.
  testTimeout: 5_000 * (Number(process.env.TEST_TIMEOUT_FACTOR) || 1),
  // Some packages that Grafana's own depend on are published as .mjs only.
  transform: { '^.+\\.m?[jt]sx?$': compile },
};

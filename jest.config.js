// Times in tests read the same everywhere.
process.env.TZ = 'UTC';

const base = require('./.config/jest.config');

const [compile] = Object.values(base.transform);

module.exports = {
  ...base,
  testEnvironment: '<rootDir>/jest-environment.js',
  testMatch: [...base.testMatch, '<rootDir>/tools/dashboards/*.test.ts'],
  // As jest-setup.js says: a failure must be the editor's, not the machine's.
  testTimeout: 120_000,
  // Some packages that Grafana's own depend on are published as .mjs only.
  transform: { '^.+\\.m?[jt]sx?$': compile },
};

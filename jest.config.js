// Times in tests read the same everywhere.
process.env.TZ = 'UTC';

const base = require('./.config/jest.config');

const [compile] = Object.values(base.transform);

module.exports = {
  ...base,
  // Editors are slow to draw in jsdom, and slower where cores are shared.
  testTimeout: 60_000,
  // Some packages that Grafana's own depend on are published as .mjs only.
  transform: { '^.+\\.m?[jt]sx?$': compile },
};

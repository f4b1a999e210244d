import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { timeouts } from './timeouts';
import { expect, test } from './vllm';

interface Rule {
  name: string;
  health: string;
  lastError?: string;
  lastEvaluation: string;
}

const file = join(__dirname, '..', 'provisioning', 'alerting', 'rules.yml');
const provisioned = [...readFileSync(file, 'utf8').matchAll(/^ +title: (\w+)$/gm)].map(([, title]) => title).sort();

// Each group is evaluated once within two minutes of the start, at a moment of Grafana's own choice.
const patience = 180_000;

test('every provisioned rule is loaded, and evaluated without an error', async ({ page }) => {
  test.setTimeout(patience + timeouts.timeout);
  const rules = async (): Promise<Rule[]> => {
    const response = await page.request.get('/api/prometheus/grafana/api/v1/rules');
    const { data } = await response.json();
    return data.groups.flatMap((group: { rules: Rule[] }) => group.rules);
  };
  expect((await rules()).map(({ name }) => name).sort()).toEqual(expect.arrayContaining(provisioned));
  const notOk = async () =>
    (await rules())
      .filter(({ name, health }) => provisioned.includes(name) && health !== 'ok')
      .map(({ name, health, lastError }) => ({ name, health, lastError }));
  await expect.poll(notOk, { timeout: patience, intervals: [2_000] }).toEqual([]);
});

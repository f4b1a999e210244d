import { datasource, expect, test } from './vllm';

test('a rule on the models is evaluated', async ({ alertRuleEditPage }) => {
  await alertRuleEditPage.alertRuleNameField.fill('time to first token');
  const row = await alertRuleEditPage.getQueryRow();
  await row.datasource.set('vLLM');
  await expect(row.locator.getByLabel('Show', { exact: true })).toHaveValue('Models');
  await expect(alertRuleEditPage.evaluate()).toBeOK();
});

test('a rule on log lines is refused, with the reason', async ({ page }) => {
  const query = { refId: 'A', datasource, version: 1, queryType: 'logs' };
  const response = await page.request.post('/api/v1/eval', {
    data: {
      now: new Date().toISOString(),
      data: [{ refId: 'A', datasourceUid: datasource.uid, relativeTimeRange: { from: 600, to: 0 }, model: query }],
    },
  });
  const { results } = await response.json();
  expect(results.A.error).toMatch(/alert/i);
});

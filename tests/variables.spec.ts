import { datasource, expect, models, queriesOf, test } from './vllm';

test('the editor of a variable previews the models', async ({ variableEditPage, page }) => {
  await variableEditPage.setVariableType('Query');
  await variableEditPage.datasource.set('vLLM');
  await expect(page.getByLabel('List', { exact: true })).toHaveValue('Models');
  await variableEditPage.runQuery();
  await expect(variableEditPage).toDisplayPreviews([...(await models(page.request))].sort());
});

test('a variable with several values asks for all of them', async ({ page }) => {
  const [one, other] = await models(page.request);
  const chosen = new URLSearchParams([
    ['var-model', one],
    ['var-model', other],
    ['var-datasource', datasource.uid],
  ]);
  const asked = page.waitForRequest((request) =>
    queriesOf(request).some(({ scope }) => [one, other].every((model) => scope?.models?.includes(model)))
  );
  await page.goto(`/d/vllm-fleet?${chosen}`);
  await asked;
});

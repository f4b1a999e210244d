import { expect, test } from './vllm';

test('the test of an annotation query finds what happened to the engines', async ({ annotationEditPage }) => {
  await annotationEditPage.datasource.set('vLLM');
  await expect(annotationEditPage.runQuery()).toBeOK();
  await expect(annotationEditPage).toHaveAlert('success', { hasText: /events|annotation/i });
});

import { parseQuantiles, percentile } from './ModelsEditor';

test.each([
  [0.5, 'p50'],
  [0.95, 'p95'],
  [0.999, 'p99.9'],
  [0.9999, 'p99.99'],
])('the quantile %d is written %s and read back', (quantile, text) => {
  expect(percentile(quantile)).toBe(text);
  expect(parseQuantiles([text])).toEqual([quantile]);
});

test('quantiles are read as people write them, in order, each once', () => {
  expect(parseQuantiles(['p99', '0.5', '90', 'p50', 'p0', '100', 'most'])).toEqual([0.5, 0.9, 0.99]);
  expect(parseQuantiles(['all'])).toBeUndefined();
});

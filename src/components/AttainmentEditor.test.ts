import { parseShare, percent } from './AttainmentEditor';

test.each([
  [0.9, '90 %'],
  [0.999, '99.9 %'],
  [0.9999, '99.99 %'],
])('the target %d is written %s and read back', (share, text) => {
  expect(percent(share)).toBe(text);
  expect(parseShare(text)).toBe(share);
});

test.each([
  ['99.5', 0.995],
  ['0.95', 0.95],
  [' 99% ', 0.99],
  ['100', undefined],
  ['most', undefined],
  ['', undefined],
])('a target may be typed as %p', (text, share) => {
  expect(parseShare(text)).toBe(share);
});

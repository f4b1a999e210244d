import { formatDuration, parseDuration, parseStep } from './duration';

test.each<[string, number | undefined]>([
  ['500ms', 0.5],
  ['2s', 2],
  ['1m30s', 90],
  ['1.5h', 5400],
  ['.5s', 0.5],
  ['10us', 1e-5],
  [' 3s ', 3],
  ['', undefined],
  ['5', undefined],
  ['1 s', undefined],
  ['5 minutes', undefined],
  ['1d', undefined],
  ['-1s', undefined],
])('%p is %p seconds', (text, seconds) => {
  const parsed = parseDuration(text);
  if (seconds === undefined) {
    expect(parsed).toBeUndefined();
  } else {
    expect(parsed).toBeCloseTo(seconds, 12);
  }
});

test.each([
  [0.00214, '2.14ms'],
  [0.5, '500ms'],
  [2.041, '2.04s'],
  [59.97, '1m0s'],
  [83.2, '1m23s'],
])('%d seconds are written %s', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});

it.each([
  ['1d', 86400],
  ['1w', 604800],
  ['1d12h', 129600],
  ['15s', 15],
  ['1 day', undefined],
  ['', undefined],
])('a step of %s', (text, seconds) => expect(parseStep(text)).toBe(seconds));

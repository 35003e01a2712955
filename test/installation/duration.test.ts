import { describe, expect, test } from 'vitest';
import { formatDuration, parseDuration } from '../../src/installation/duration.ts';

test.each([
  ['1s', 1],
  ['5m', 300],
  ['24h', 86_400],
  ['365d', 31_536_000],
])('%s are %i seconds', (text, seconds) => {
  expect(parseDuration(text)).toBe(seconds);
});

test.each([[''], ['5'], ['0s'], ['05m'], ['-5m'], ['1.5h'], ['5 m'], ['5M'], ['1w'], ['1h30m'], ['٣d']])(
  '%j is no duration',
  (text) => {
    expect(() => parseDuration(text)).toThrow(RangeError);
  },
);

describe('for people', () => {
  test.each([
    [0, '0 s'],
    [0.9, '0 s'],
    [59, '59 s'],
    [300, '5 min'],
    [330, '5 min 30 s'],
    [86_400, '1 d'],
    [259_200, '3 d'],
    [93_600 + 59, '1 d 2 h'],
    [86_400 + 60, '1 d'],
    [3600 + 59, '1 h'],
    [31_536_000, '365 d'],
  ])('%d seconds are %s', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });

  test.each([[-1], [Number.NaN], [Number.POSITIVE_INFINITY]])('%d seconds are none', (seconds) => {
    expect(() => formatDuration(seconds)).toThrow(RangeError);
  });
});

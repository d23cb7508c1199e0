import { describe, expect, it } from '@jest/globals';
import { describeAge } from '../../../src/domain/age.ts';

describe('#describeAge', () => {
  it.each([
    [-5, '0 s'],
    [0, '0 s'],
    [59.9, '59 s'],
    [60, '1 min'],
    [3_599, '59 min'],
    [3_600, '1 h'],
    [86_399, '23 h'],
    [86_400, '1 d'],
    [40_000_000, '462 d'],
  ])('says %d s as "%s"', (seconds, words) => {
    expect(describeAge(seconds)).toBe(words);
  });
});

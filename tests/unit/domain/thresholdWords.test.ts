import { describe, expect, it } from '@jest/globals';
import {
  transitionReason,
  type Compared,
  type DescribedTransition,
} from '../../../src/domain/thresholdWords.ts';
import { ABOVE_ONE } from '../../support/thresholdRules.ts';

const NOON = Date.UTC(2026, 0, 1, 12);

function reason(
  overrides: Omit<Partial<DescribedTransition>, 'compared'> & {
    readonly compared?: Partial<Compared> | null;
  },
): string {
  const { compared = {}, ...rest } = overrides;
  return transitionReason({
    ...{ cause: 'breach', hostname: 'web-01', value: 0.97, streak: 1, streakSince: NOON, silentMs: 0 },
    ...rest,
    compared: compared === null ? null : { ...ABOVE_ONE, valueNum: 0.9, ...compared },
  });
}

describe('#transitionReason', () => {
  it.each<[Partial<Compared>, DescribedTransition['value'], string]>([
    [{ comparison: 'gt' }, 0.97, '0.97 is above 0.9'],
    [{ comparison: 'ge' }, 0.9, '0.9 is at or above 0.9'],
    [{ comparison: 'lt' }, 0.1, '0.1 is below 0.9'],
    [{ comparison: 'le' }, 0.9, '0.9 is at or below 0.9'],
    [{ comparison: 'eq', valueNum: 0 }, 0, 'it is 0'],
    [{ comparison: 'ne', valueNum: null, valueBool: true }, false, 'false is not true'],
    [{ comparison: 'outside', valueLow: 10, valueHigh: 90 }, 97, '97 is outside 10 to 90'],
    [{ comparison: 'contains', valueNum: null, valueStr: 'err' }, 'an error', '"an error" contains "err"'],
  ])('tells how %j was breached', (compared, value, expected) => {
    expect(reason({ compared, value })).toBe(expected);
  });

  it('tells since when, where it took several samples', () => {
    expect(reason({ streak: 3, streakSince: NOON + 5_000 })).toBe(
      '0.97 is above 0.9 (3 samples in a row since 12:00:05)',
    );
  });

  it.each<[Partial<Compared>, DescribedTransition['value'], string]>([
    [{ comparison: 'gt' }, 0.42, 'back to 0.42, below 0.9'],
    [{ comparison: 'gt' }, 0.9, 'back to 0.9, not above 0.9'],
    [{ comparison: 'ge', recoveryValue: 0.8 }, 0.42, 'back to 0.42, below 0.8'],
    [{ comparison: 'le', recoveryValue: 3 }, 4, 'back to 4, above 3'],
    [{ comparison: 'lt', recoveryValue: 3 }, 3, 'back to 3, not below 3'],
    [{ comparison: 'eq', valueNum: 0 }, 2, 'back to 2, no longer 0'],
    [{ comparison: 'ne', valueNum: null, valueStr: 'ok' }, 'ok', 'back to "ok"'],
    [{ comparison: 'contains', valueNum: null, valueStr: 'err' }, 'ok', 'back to "ok", without "err"'],
    [{ comparison: 'outside', valueLow: 10, valueHigh: 90 }, 50, 'back to 50, within 10 to 90'],
  ])('tells how %j recovered', (compared, value, expected) => {
    expect(reason({ cause: 'recovery', compared, value })).toBe(expected);
  });

  it.each([
    [40_000, '40 s'],
    [12 * 60_000 + 59_000, '12 min'],
    [5 * 3_600_000, '5 h'],
    [72 * 3_600_000, '3 days'],
  ])('tells how long a metric was missing: %d ms', (silentMs, expected) => {
    expect(reason({ cause: 'silence', value: null, silentMs })).toBe(
      `no newer sample for ${expected}, although web-01 reports`,
    );
  });

  it('tells what people did', () => {
    const causes = ['samples', 'metricPaused', 'machinePaused', 'unregistered', 'noThreshold'] as const;
    expect(causes.map((cause) => reason({ cause, value: null, compared: null }))).toEqual([
      'samples come again',
      'the metric was paused',
      'web-01 was paused',
      'web-01 was deleted',
      'its threshold was removed or switched off',
    ]);
  });

  it('shortens a text that is too long for a message', () => {
    const words = reason({
      compared: { comparison: 'contains', valueNum: null, valueStr: 'x' },
      value: 'x'.repeat(500),
    });
    expect(words.length).toBeLessThan(110);
    expect(words).toMatch(/^"x+…" contains "x"$/);
  });
});

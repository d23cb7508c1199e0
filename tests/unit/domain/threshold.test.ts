import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  breaches,
  endStale,
  evaluateSample,
  goStale,
  NEVER_EVALUATED,
  type MetricEvaluation,
  type MetricSample,
  type ThresholdRule,
} from '../../../src/domain/threshold.ts';
import { ABOVE_ONE } from '../../support/thresholdRules.ts';

const AT = Date.UTC(2026, 0, 1, 12);

/** Every 10 s from noon. */
function play(
  overrides: Partial<ThresholdRule>,
  values: readonly MetricSample['value'][],
  from: MetricEvaluation = NEVER_EVALUATED,
): MetricEvaluation[] {
  const rule = { ...ABOVE_ONE, ...overrides };
  let evaluation = from;
  return values.map((value, index) => {
    evaluation = evaluateSample(rule, evaluation, { at: AT + index * 10_000, value });
    return evaluation;
  });
}

const states = (evaluations: readonly MetricEvaluation[]) => evaluations.map(({ state }) => state);

describe('#breaches', () => {
  it.each<[Partial<ThresholdRule>, MetricSample['value'], boolean]>([
    [{ comparison: 'gt', valueNum: 1 }, 1, false],
    [{ comparison: 'gt', valueNum: 1 }, 1.001, true],
    [{ comparison: 'ge', valueNum: 1 }, 1, true],
    [{ comparison: 'ge', valueNum: 1 }, 0.999, false],
    [{ comparison: 'lt', valueNum: 1 }, 1, false],
    [{ comparison: 'lt', valueNum: 1 }, -5, true],
    [{ comparison: 'le', valueNum: 1 }, 1, true],
    [{ comparison: 'le', valueNum: 1 }, 1.001, false],
    [{ comparison: 'eq', valueNum: 1 }, 1, true],
    [{ comparison: 'ne', valueNum: 1 }, 1, false],
    [{ comparison: 'outside', valueLow: 1, valueHigh: 2 }, 1, false],
    [{ comparison: 'outside', valueLow: 1, valueHigh: 2 }, 2, false],
    [{ comparison: 'outside', valueLow: 1, valueHigh: 2 }, 0.999, true],
    [{ comparison: 'outside', valueLow: 1, valueHigh: 2 }, 2.001, true],
    [{ comparison: 'outside', valueLow: null, valueHigh: 2 }, 3, false],
    [{ comparison: 'eq', valueNum: null, valueBool: false }, false, true],
    [{ comparison: 'ne', valueNum: null, valueBool: false }, false, false],
    [{ comparison: 'eq', valueNum: null, valueStr: 'down' }, 'down', true],
    [{ comparison: 'ne', valueNum: null, valueStr: 'down' }, 'Down', true],
    [{ comparison: 'contains', valueNum: null, valueStr: 'error' }, 'disk error', true],
    [{ comparison: 'contains', valueNum: null, valueStr: 'error' }, 'Error', false],
    [{ comparison: 'gt', valueNum: 1 }, '2', false],
    [{ comparison: 'eq', valueNum: 1 }, true, false],
    [{ comparison: 'contains', valueNum: 1 }, 1, false],
  ])('says of %j and %j: %j', (rule, value, expected) => {
    expect(breaches({ ...ABOVE_ONE, ...rule }, value)).toBe(expected);
  });
});

describe('#evaluateSample', () => {
  it('breaches with the first sample over the threshold, and recovers with the first that is not', () => {
    const evaluations = play({}, [0, 2, 2, 1, 2]);
    expect(states(evaluations)).toEqual(['ok', 'breached', 'breached', 'ok', 'breached']);
    expect(evaluations.map(({ episode }) => episode)).toEqual([0, 1, 1, 1, 2]);
    expect(evaluations[3]).toMatchObject({ streak: 0, streakSince: null, recoveredAt: AT + 30_000 });
  });

  it('waits for so many breaching samples in a row', () => {
    const evaluations = play({ consecutiveBreaches: 3 }, [2, 2, 0, 2, 2, 2]);
    expect(states(evaluations)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok', 'breached']);
    expect(evaluations.at(-1)).toMatchObject({ streak: 3, streakSince: AT + 30_000 });
  });

  it('waits until they have lasted for so long', () => {
    expect(states(play({ minDurationSeconds: 20 }, [2, 2, 2]))).toEqual(['ok', 'ok', 'breached']);
    expect(states(play({ minDurationSeconds: 21 }, [2, 2, 2]))).toEqual(['ok', 'ok', 'ok']);
  });

  it('stays breached until the value has come back as far as the recovery value', () => {
    expect(states(play({ recoveryValue: 0.8 }, [2, 0.9, 0.81, 0.8]))).toEqual([
      ...['breached', 'breached', 'breached', 'ok'],
    ]);
    expect(states(play({ comparison: 'lt', recoveryValue: 3 }, [0, 2, 2.99, 3]))).toEqual([
      ...['breached', 'breached', 'breached', 'ok'],
    ]);
    expect(states(play({ recoveryValue: 0.8 }, [0.9, 0.9]))).toEqual(['ok', 'ok']);
  });

  it('does not breach again within the cooldown, and then at once', () => {
    expect(states(play({ cooldownSeconds: 20 }, [2, 0, 2, 2, 2]))).toEqual([
      ...['breached', 'ok', 'ok', 'breached', 'breached'],
    ]);
    expect(states(play({ cooldownSeconds: 21 }, [2, 0, 2, 2, 2]))).toEqual([
      ...['breached', 'ok', 'ok', 'ok', 'breached'],
    ]);
  });

  it('goes on with a stale metric as what it was', () => {
    const [breached = NEVER_EVALUATED] = play({}, [2]);
    expect(goStale(breached)).toMatchObject({ state: 'stale', wasBreached: true, episode: 1 });
    expect(states(play({}, [2], goStale(breached)))).toEqual(['breached']);
    expect(play({}, [2], goStale(breached))[0]?.episode).toBe(1);
    expect(states(play({}, [0], goStale(breached)))).toEqual(['ok']);
    expect(play({}, [2], goStale(NEVER_EVALUATED))[0]).toMatchObject({ state: 'breached', episode: 2 });
  });

  it('is stale once, however often that is found', () => {
    const stale = goStale(NEVER_EVALUATED);
    expect(stale).toMatchObject({ state: 'stale', wasBreached: false, episode: 1 });
    expect(goStale(stale)).toEqual(stale);
    expect(endStale(stale)).toMatchObject({ state: 'ok', episode: 1 });
    expect(endStale(NEVER_EVALUATED)).toEqual(NEVER_EVALUATED);
  });

  it('breaches only after so many breaching samples in a row, that last, and once the cooldown is over', () => {
    const rules = fc.record({
      consecutiveBreaches: fc.integer({ min: 1, max: 4 }),
      minDurationSeconds: fc.constantFrom(0, 15, 40),
      cooldownSeconds: fc.constantFrom(0, 25, 60),
    });
    fc.assert(
      fc.property(rules, fc.array(fc.constantFrom(0, 1, 2, 3), { maxLength: 60 }), (rule, values) => {
        const evaluations = play(rule, values);
        let recoveredAt = Number.NEGATIVE_INFINITY;
        for (const [index, { state, episode }] of evaluations.entries()) {
          const before = evaluations[index - 1] ?? NEVER_EVALUATED;
          if (before.state === 'breached' && state === 'ok') recoveredAt = index;
          expect(episode - before.episode).toBe(before.state === 'ok' && state === 'breached' ? 1 : 0);
          if (state !== 'breached') continue;
          expect(values[index]).toBeGreaterThan(1);
          if (before.state === 'breached') continue;
          const streak = values.slice(0, index + 1).findLastIndex((value) => value <= 1);
          expect(index - streak).toBeGreaterThanOrEqual(rule.consecutiveBreaches);
          expect((index - streak - 1) * 10).toBeGreaterThanOrEqual(rule.minDurationSeconds);
          expect((index - recoveredAt) * 10).toBeGreaterThanOrEqual(rule.cooldownSeconds);
        }
      }),
    );
  });
});

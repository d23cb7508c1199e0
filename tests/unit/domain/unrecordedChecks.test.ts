import { describe, expect, it } from '@jest/globals';
import {
  keepUnrecorded,
  MAX_UNRECORDED_CHECKS,
  type UnrecordedCheck,
} from '../../../src/domain/unrecordedChecks.ts';
import { buildResult } from '../../support/buildCheck.ts';

function keepAll(checks: readonly UnrecordedCheck[]): readonly UnrecordedCheck[] {
  return checks.reduce<readonly UnrecordedCheck[]>((waiting, check) => keepUnrecorded(waiting, check), []);
}

function check(index: number, isTransition = false): UnrecordedCheck {
  return { result: buildResult({ scheduledAt: index }), isTransition };
}

describe('#keepUnrecorded', () => {
  it('keeps the newest 500 in their order', () => {
    const kept = keepAll(Array.from({ length: 700 }, (_, index) => check(index)));
    expect(kept.map(({ result }) => result.scheduledAt)).toEqual(
      Array.from({ length: 500 }, (_, index) => index + 200),
    );
  });

  it('lets transitions go last', () => {
    const kept = keepAll(Array.from({ length: 2_000 }, (_, index) => check(index, index % 100 === 0)));
    expect(kept).toHaveLength(MAX_UNRECORDED_CHECKS);
    expect(kept.filter(({ isTransition }) => isTransition)).toHaveLength(20);
  });

  it('never grows, even when everything is a transition', () => {
    const kept = keepAll(Array.from({ length: 600 }, (_, index) => check(index, true)));
    expect(kept).toHaveLength(MAX_UNRECORDED_CHECKS);
    expect(kept.at(-1)?.result.scheduledAt).toBe(599);
  });
});

import { describe, expect, it } from '@jest/globals';
import { describeEvaluation } from '../../../src/domain/evaluationWords.ts';

const DONE = {
  ...{ metrics: 100_000, clients: 12, breached: 3, recovered: 1, stale: 2, failed: 0, tookMs: 1_420 },
  of: null,
};

describe('#describeEvaluation', () => {
  it('tells what was found', () => {
    expect(describeEvaluation(DONE)).toBe(
      '100,000 metrics of 12 clients in 1.4 s: 3 breached, 1 recovered, 2 stale',
    );
    expect(describeEvaluation({ ...DONE, metrics: 1, clients: 1 })).toMatch(/^1 metric of 1 client in /);
  });

  it('tells how far it has come', () => {
    expect(describeEvaluation({ ...DONE, metrics: 1_234_567, of: 2_000_000 })).toMatch(
      /^1,234,567 of 2,000,000 metrics in 1\.4 s: /,
    );
  });

  it('tells that somebody has to look', () => {
    expect(describeEvaluation({ ...DONE, failed: 2 })).toMatch(
      /; FAILED for 2 clients \(see the worker's log\)$/,
    );
  });
});

import { describe, expect, it } from '@jest/globals';
import { nextCrash } from '../../../src/start/backoff.ts';

describe('the wait before a crashed process is started again', () => {
  it('should double from crash to crash, up to half a minute', () => {
    const waits: number[] = [];
    let crashes = 0;
    for (let crash = 0; crash < 8; crash += 1) {
      const next = nextCrash(crashes, 100);
      crashes = next.inARow;
      waits.push(next.delayMs / 1000);
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 30, 30, 30]);
    expect(crashes).toBe(8);
  });

  it('should start anew after a run of a minute', () => {
    expect(nextCrash(7, 60_000)).toEqual({ inARow: 1, delayMs: 1_000 });
    expect(nextCrash(7, 59_999)).toEqual({ inARow: 8, delayMs: 30_000 });
  });

  it('should never overflow', () => {
    expect(nextCrash(10_000, 0).delayMs).toBe(30_000);
  });
});

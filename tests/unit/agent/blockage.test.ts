import { describe, expect, it } from '@jest/globals';
import type { Suspect } from '../../../src/agent/answer.ts';
import { Blockage } from '../../../src/agent/blockage.ts';

const MINUTE = 60_000;

describe('a batch that blocks others', () => {
  const failing = (suspect: Suspect, isFull = false) => {
    const blockage = new Blockage();
    return {
      blockage,
      fail: (sequence: number, minute: number) =>
        blockage.failed({ sequence, suspect, now: minute * MINUTE, isFull }),
    };
  };
  /** Once a minute, for an hour. */
  const failForAnHour = (fail: (sequence: number, minute: number) => boolean): boolean[] =>
    Array.from({ length: 61 }, (_, minute) => fail(1, minute));

  it('should be left behind when it fails for an hour, and again after a later one was taken', () => {
    const { blockage, fail } = failing('content');
    expect(failForAnHour(fail)).not.toContain(true);
    expect(blockage.wantsLater).toBe(true);
    blockage.laterAnswered(true);
    expect(blockage.wantsLater).toBe(false);
    expect(fail(1, 61)).toBe(true);
  });

  it('should not be left behind while the server takes no other either', () => {
    const { blockage, fail } = failing('content');
    failForAnHour(fail);
    for (let minute = 61; minute < 600; minute += 1) {
      blockage.laterAnswered(false);
      expect(fail(1, minute)).toBe(false);
      expect(blockage.wantsLater).toBe(true);
    }
  });

  it('should not be gone past before the hour is over', () => {
    const { blockage, fail } = failing('content');
    for (let minute = 0; minute < 60; minute += 1) fail(1, minute);
    expect(blockage.wantsLater).toBe(false);
  });

  it('should have had ten tries', () => {
    const { blockage, fail } = failing('content');
    for (let tries = 0; tries < 10; tries += 1) {
      blockage.laterAnswered(true);
      expect(fail(1, tries * 100)).toBe(false);
    }
    blockage.laterAnswered(true);
    expect(fail(1, 1_000)).toBe(true);
  });

  it('should begin a new hour when something else failed meanwhile, or another batch is the oldest', () => {
    const { blockage, fail } = failing('content');
    failForAnHour(fail);
    blockage.clear();
    expect(blockage.wantsLater).toBe(false);
    blockage.laterAnswered(true);
    expect(fail(1, 61)).toBe(false);
    failForAnHour(fail);
    blockage.laterAnswered(true);
    expect(fail(2, 62)).toBe(false);
  });

  it('should be gone past at once where its time is wrong, and kept for an hour', () => {
    const { blockage, fail } = failing('clock');
    for (let minute = 0; minute < 60; minute += 1) {
      expect(fail(1, minute)).toBe(false);
      expect(blockage.wantsLater).toBe(true);
      blockage.laterAnswered(true);
    }
    expect(fail(1, 60)).toBe(true);
    // Those behind it were measured by the same clock.
    expect(fail(2, 60)).toBe(true);
    blockage.clear();
    expect(fail(3, 60)).toBe(false);
  });

  it('should wait for ever while the clock is wrong, but for what a full buffer needs', () => {
    const { blockage, fail } = failing('clock');
    expect(failForAnHour(fail)).not.toContain(true);
    blockage.laterAnswered(false);
    expect(fail(1, 1_000)).toBe(false);
    const full = failing('clock', true);
    expect(failForAnHour(full.fail).indexOf(true)).toBe(60);
  });
});

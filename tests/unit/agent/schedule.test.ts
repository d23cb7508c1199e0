import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { firstSlotInMs, intervalWarning, jitterMs, slotAfter } from '../../../src/agent/schedule.ts';

const INTERVAL_MS = 30_000;
const NOW = Date.UTC(2026, 10, 24, 12);

describe('the slots of an agent', () => {
  it('should be the same for a machine whenever it is started', () => {
    const slot = NOW + firstSlotInMs('web-01', INTERVAL_MS, NOW);
    const later = NOW + 1_234_567;
    expect((later + firstSlotInMs('web-01', INTERVAL_MS, later) - slot) % INTERVAL_MS).toBe(0);
    expect(firstSlotInMs('web-01', INTERVAL_MS, slot - 1)).toBe(1);
    expect(firstSlotInMs('web-01', INTERVAL_MS, slot)).toBe(INTERVAL_MS);
  });

  it('should spread the machines of a fleet over the whole interval', () => {
    const perSecond = new Array<number>(30).fill(0);
    for (let machine = 0; machine < 3_000; machine += 1) {
      const second = Math.floor(firstSlotInMs(`web-${machine}`, INTERVAL_MS, NOW) / 1_000) % 30;
      perSecond[second] = (perSecond[second] ?? 0) + 1;
    }
    expect(Math.max(...perSecond)).toBeLessThan(200);
    expect(Math.min(...perSecond)).toBeGreaterThan(30);
  });

  it('should follow one another by the interval', () => {
    expect(slotAfter(1_000, INTERVAL_MS, 1_200)).toBe(31_000);
    // Woken a moment before its time.
    expect(slotAfter(1_000, INTERVAL_MS, 990)).toBe(31_000);
  });

  it('should be skipped where they have passed, never caught up', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3_600 }), fc.nat(1e9), (seconds, lateMs) => {
        const intervalMs = seconds * 1_000;
        const next = slotAfter(5_000, intervalMs, 5_000 + lateMs);
        expect((next - 5_000) % intervalMs).toBe(0);
        expect(next).toBeGreaterThan(5_000 + lateMs);
        expect(next - 5_000 - lateMs).toBeLessThanOrEqual(intervalMs);
      }),
    );
  });

  it('should be late by a tenth of the interval at most', () => {
    expect([0, 0.5, 1].map((share) => jitterMs(INTERVAL_MS, () => share))).toEqual([0, 1_500, 3_000]);
  });

  it('should be warned of where the server would take the machine for dead between two', () => {
    expect(intervalWarning(100_000)).toBeNull();
    expect(intervalWarning(101_000)).toBe(
      "interval_seconds is 101, and the server's default counts a machine as down after 5 minutes of silence: keep it below a third of heartbeat_threshold_minutes there.",
    );
  });
});

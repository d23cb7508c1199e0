import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { dueSlot, nextSlot, phaseMs } from '../../../src/domain/schedule.ts';

const intervalMs = fc.integer({ min: 5, max: 86_400 }).map((seconds) => seconds * 1_000);
const instant = fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2100, 0, 1) });

describe('#nextSlot', () => {
  it('is strictly later, by one interval at the most, and always in phase', () => {
    fc.assert(
      fc.property(fc.uuid(), intervalMs, instant, (id, interval, after) => {
        const slot = nextSlot(id, interval, after);
        expect(slot).toBeGreaterThan(after);
        expect(slot - after).toBeLessThanOrEqual(interval);
        expect((((slot - phaseMs(id, interval)) % interval) + interval) % interval).toBe(0);
      }),
    );
  });

  it('spreads many targets evenly over the interval', () => {
    const tenths = new Array<number>(10).fill(0);
    for (let index = 0; index < 10_000; index += 1) {
      const tenth = Math.floor(phaseMs(crypto.randomUUID(), 60_000) / 6_000);
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    }
    for (const count of tenths) expect(Math.abs(count - 1_000)).toBeLessThan(200);
  });
});

describe('#dueSlot', () => {
  it('runs a check that is late by less than an interval in its own slot', () => {
    fc.assert(
      fc.property(fc.uuid(), intervalMs, instant, fc.nat(), (id, interval, slot, delay) => {
        expect(dueSlot(id, interval, slot, slot + (delay % interval))).toBe(slot);
      }),
    );
  });

  it('skips missed slots and looks again soon, but not all targets at once', () => {
    fc.assert(
      fc.property(
        fc.uuid(),
        intervalMs,
        instant,
        fc.integer({ min: 1, max: 10_000 }),
        (id, interval, slot, missed) => {
          const now = slot + missed * interval;
          const moved = dueSlot(id, interval, slot, now);
          const spread = Math.min(interval, 10_000);
          expect(moved).toBeGreaterThanOrEqual(now);
          expect(moved - now).toBeLessThan(spread * 1.5);
          const regular = nextSlot(id, interval, now);
          if (moved !== regular) expect(regular - moved).toBeGreaterThanOrEqual(spread / 2);
        },
      ),
    );
  });
});

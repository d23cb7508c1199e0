import { describe, expect, it } from '@jest/globals';
import { retryAfterMs } from '../../../src/channels/retryAfter.ts';
import { NOW } from '../../support/buildDelivery.ts';

const HOUR_MS = 3_600_000;

describe('Retry-After', () => {
  it.each<[string | undefined, number | null]>([
    ['30', 30_000],
    [' 0 ', 0],
    ['0.5', 500],
    ['Tue, 24 Nov 2026 08:02:00 GMT', 120_000],
    ['Tuesday, 24-Nov-26 08:02:00 GMT', 120_000],
    ['Tue Nov 24 08:02:00 2026', 120_000],
    ['Tue, 24 Nov 2026 07:00:00 GMT', 0],
    ['999999999999', 6 * HOUR_MS],
    ['Tue, 24 Nov 2027 08:00:00 GMT', 6 * HOUR_MS],
    [undefined, null],
    ['', null],
    ['-5', null],
    ['soon', null],
    ['2026-11-24T08:02:00Z', null],
    ['Tue, 99 Nov 2026 08:02:00 GMT', null],
  ])('%p asks for %p ms', (header, ms) => {
    expect(retryAfterMs(header, NOW)).toBe(ms);
  });
});

import type { Rollups } from '../db/repositories/rollups.ts';
import type { Clock } from '../domain/clock.ts';
import type { RollupReport } from './contracts.ts';

interface RollUpDeps {
  readonly rollups: Rollups;
  readonly clock: Clock;
  /** Called after each transaction; throws when the work is cancelled, or its time is over. */
  readonly progress: () => void;
}

/** Rolls up every hour that is over, after an outage of days one after the other, then what came late. */
export async function rollUp({ rollups, clock, progress }: RollUpDeps): Promise<RollupReport> {
  const report = { hours: 0, rows: 0, lateHours: 0 };
  for (;;) {
    const done = await rollups.rollUpNextHour(clock.now());
    progress();
    if (done === null) break;
    report.hours += 1;
    report.rows = Math.max(report.rows, done.rows);
  }
  for (;;) {
    const lateHours = await rollups.rollUpLateHours();
    progress();
    if (lateHours === 0) break;
    report.lateHours += lateHours;
  }
  return { ...report, completeUntil: await rollups.completeUntil() };
}

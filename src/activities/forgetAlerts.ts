import type { OldAlerts } from '../db/repositories/oldAlerts.ts';
import type { Clock } from '../domain/clock.ts';

interface ForgetAlertsDeps {
  readonly oldAlerts: Pick<OldAlerts, 'deleteIncidents' | 'deleteTests'>;
  readonly clock: Clock;
  readonly progress: () => void;
}

const DAY_MS = 86_400_000;
/** A year, and time to compare with it. */
const INCIDENTS_KEPT_MS = 400 * DAY_MS;
const TESTS_KEPT_MS = 30 * DAY_MS;

/** Deletes what is too old of incidents and their messages. @returns how many incidents */
export async function forgetAlerts({ oldAlerts, clock, progress }: ForgetAlertsDeps): Promise<number> {
  const now = clock.now();
  let forgotten = 0;
  for (let deleted = 1; deleted > 0; forgotten += deleted) {
    deleted = await oldAlerts.deleteIncidents(now - INCIDENTS_KEPT_MS);
    progress();
  }
  while ((await oldAlerts.deleteTests(now - TESTS_KEPT_MS)) > 0) progress();
  return forgotten;
}

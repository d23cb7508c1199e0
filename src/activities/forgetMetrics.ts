import type { DeletedSome, OldMetrics } from '../db/repositories/oldMetrics.ts';
import type { Clock } from '../domain/clock.ts';
import type { ForgottenMetrics } from './contracts.ts';

interface ForgetDeps {
  readonly oldMetrics: OldMetrics;
  readonly clock: Clock;
  readonly retentionDays: { readonly samples: number };
  readonly progress: () => void;
}

const DAY_MS = 86_400_000;
/** A year, and time to compare with it. */
const TRANSITIONS_KEPT_DAYS = 400;

/** Deletes machines, metrics and transitions of which no sample is kept any more. */
export async function forgetMetrics(deps: ForgetDeps): Promise<ForgottenMetrics> {
  const { oldMetrics, clock, retentionDays } = deps;
  const daysAgo = (days: number) => clock.now() - days * DAY_MS;
  const transitionsEnd = daysAgo(TRANSITIONS_KEPT_DAYS);
  const samplesEnd = daysAgo(retentionDays.samples);
  // Transitions first, so that a machine takes fewer along.
  let transitions = 0;
  for (const table of ['machine_transitions', 'metric_transitions'] as const) {
    transitions += await all(deps, (after) => oldMetrics.deleteTransitions(table, transitionsEnd, after));
  }
  const machines = await all(deps, (after) => oldMetrics.deleteMachines(samplesEnd, after));
  const metrics = await all(deps, (after) => oldMetrics.deleteMetrics(samplesEnd, after));
  await oldMetrics.deleteDefinitions();
  deps.progress();
  return { forgottenMachines: machines, forgottenMetrics: metrics, forgottenTransitions: transitions };
}

async function all(
  { progress }: ForgetDeps,
  deleteSome: (after: number) => Promise<DeletedSome>,
): Promise<number> {
  let deleted = 0;
  for (let after: number | null = 0; after !== null;) {
    const done = await deleteSome(after);
    progress();
    deleted += done.deleted;
    after = done.nextAfter;
  }
  return deleted;
}

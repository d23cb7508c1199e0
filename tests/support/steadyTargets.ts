import { sql } from 'kysely';
import type { Target, TargetDefinition } from '../../src/db/repositories/httpTargetRow.ts';
import { nextSlot } from '../../src/domain/schedule.ts';
import { buildDefinition } from './targets.ts';
import { until } from './until.ts';
import { watchOf } from './watchRows.ts';
import type { WorkerSurroundings } from './workerSurroundings.ts';

/** A target that is being watched. */
export interface SteadyTarget extends Target {
  /** Its path on the farm. */
  readonly path: string;
}

interface SteadyTargetOptions extends Partial<TargetDefinition> {
  /** The first slot is to come so long from now, and not before: milliseconds. */
  readonly firstSlotIn?: { readonly least: number; readonly most: number };
}

/**
 * A target that has been up for three checks and more, so that its workflow begins with a watch.
 *
 * @returns as soon as it is watched; its first slot is the next regular one
 */
export async function watchedTarget(
  { db, farm, workflows }: WorkerSurroundings,
  { firstSlotIn, ...overrides }: SteadyTargetOptions = {},
): Promise<SteadyTarget> {
  const path = `/${crypto.randomUUID()}`;
  const definition = buildDefinition({ url: `${farm.origin}${path}`, checkIntervalSeconds: 5, ...overrides });
  const intervalMs = definition.checkIntervalSeconds * 1_000;
  const id = idWithFirstSlot(intervalMs, firstSlotIn);
  await db.targets().create(id, definition);
  const lastSlot = new Date(nextSlot(id, intervalMs, Date.now()) - intervalMs).toISOString();
  await sql`
    update http_target_states set status = 'up', consecutive_passes = 3, last_scheduled_at = ${lastSlot}::timestamptz,
      last_check_at = ${lastSlot}::timestamptz, last_state_change_at = ${lastSlot}::timestamptz - interval '1 hour'
    where target_key = (select key from http_targets where id = ${id})
  `.execute(db.orm.em.fork().getKysely<object>());
  const target = await db.targets().find(id);
  if (target === null) throw new Error('unreachable: it was just created');
  await workflows.start({ target, failureThreshold: 2 });
  await until(async () => (await watchOf(db, target)) !== null, { what: 'a watch' });
  return { ...target, path };
}

/** The place of a target within its interval follows from its id. */
function idWithFirstSlot(intervalMs: number, wanted: SteadyTargetOptions['firstSlotIn']): string {
  const now = Date.now();
  for (;;) {
    const id = crypto.randomUUID();
    const firstIn = nextSlot(id, intervalMs, now) - now;
    if (wanted === undefined || (firstIn >= wanted.least && firstIn <= wanted.most)) return id;
  }
}

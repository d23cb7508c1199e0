import { sql } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { WatchSummary } from '../../domain/watching.ts';
import { PASSED_CODE } from '../checkCodes.ts';

/** Sums up what a watch saw, from the stored rows: whichever workers it went through. */
export class WatchSummaryReader {
  private readonly em: EntityManager;

  constructor(em: EntityManager) {
    this.em = em;
  }

  /** @param from the first slot of the watch, UTC milliseconds */
  async read(targetKey: number, from: number): Promise<WatchSummary> {
    const { rows } = await sql<{
      checks: number;
      ok: number;
      latency: (number | null)[] | null;
      lateness: number | null;
    }>`
      select count(*)::int as checks, (count(*) filter (where outcome = ${PASSED_CODE}))::int as ok,
        percentile_disc(array[0.5, 0.95, 0.99]) within group (order by total_ms)
          filter (where outcome = ${PASSED_CODE}) as latency,
        percentile_disc(0.99) within group (order by started_after_ms) as lateness
      from checks where target_key = ${targetKey} and scheduled_at >= ${new Date(from)}
    `.execute(this.em.getKysely<object>());
    const [row] = rows;
    const [p50Ms = null, p95Ms = null, p99Ms = null] = row?.latency ?? [];
    return {
      checks: row?.checks ?? 0,
      ok: row?.ok ?? 0,
      p50Ms,
      p95Ms,
      p99Ms,
      latenessP99Ms: row?.lateness ?? null,
    };
  }
}

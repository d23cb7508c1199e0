import { sql } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { WatchedTarget, WatchedTargetRepository } from './watchedTargets.ts';

/** A watch to be taken on. */
interface NewWatch {
  readonly targetId: string;
  readonly version: number;
  readonly status: 'up' | 'down';
  readonly taskToken: Uint8Array;
  /** UTC milliseconds. */
  readonly firstSlot: number;
  readonly until: number;
}

/** What names a watch of one worker: the fencing number changes with each that takes it. */
export interface WatchClaim {
  readonly targetKey: number;
  readonly claim: string;
}

/** A watch that another worker began. */
export interface ClaimedWatch extends WatchClaim {
  readonly taskToken: Uint8Array;
  /** The version that it began with; the target may have another by now. */
  readonly version: number;
  /** The status that it began with. */
  readonly status: 'up' | 'down';
  readonly firstSlot: number;
  readonly until: number;
  /** As it is now; null when it was deleted. */
  readonly watched: WatchedTarget | null;
}

/** A watch as the database sees it, with what has become of its target. */
interface HeldWatch extends WatchClaim {
  readonly version: number;
  readonly isDeleted: boolean;
}

interface WatchRow {
  target_key: number;
  target_id: string;
  claim: string;
  task_token: Buffer;
  version: number;
  status: 'up' | 'down';
  first_slot_ms: number;
  until_ms: number;
}

/** Who watches what. */
export class WatchRepository {
  private readonly em: EntityManager;
  private readonly targets: Pick<WatchedTargetRepository, 'findAll'>;

  constructor(em: EntityManager, targets: Pick<WatchedTargetRepository, 'findAll'>) {
    this.em = em;
    this.targets = targets;
  }

  /**
   * Takes a watch on; one of the same target that is still there is replaced, and its worker fenced off.
   *
   * @returns null when there is no such target
   */
  async begin(workerId: string, watch: NewWatch): Promise<WatchClaim | null> {
    const { rows } = await sql<{ target_key: number; claim: string }>`
      insert into watches (target_key, worker_id, task_token, version, status, first_slot_at, until)
      select key, ${workerId}::uuid, ${Buffer.from(watch.taskToken)}, ${watch.version}, ${watch.status},
        ${time(watch.firstSlot)}::timestamptz, ${time(watch.until)}::timestamptz
      from http_targets where id = ${watch.targetId}
      on conflict (target_key) do update set worker_id = excluded.worker_id, claim = excluded.claim,
        task_token = excluded.task_token, version = excluded.version, status = excluded.status,
        first_slot_at = excluded.first_slot_at, until = excluded.until
      returning target_key, claim::text
    `.execute(this.em.getKysely<object>());
    const [row] = rows;
    return row === undefined ? null : { targetKey: row.target_key, claim: row.claim };
  }

  /** Takes up to `limit` watches that have no worker. */
  async claimFree(workerId: string, limit: number): Promise<ClaimedWatch[]> {
    const { rows } = await sql<WatchRow>`
      with free as (
        select target_key from watches where worker_id is null
        order by target_key limit ${limit} for update skip locked
      )
      update watches w set worker_id = ${workerId}::uuid, claim = nextval('watch_claims')
      from free, http_targets t
      where w.target_key = free.target_key and t.key = w.target_key
      returning w.target_key, t.id as target_id, w.claim::text, w.task_token, w.version, w.status,
        (extract(epoch from w.first_slot_at) * 1000)::float8 as first_slot_ms,
        (extract(epoch from w.until) * 1000)::float8 as until_ms
    `.execute(this.em.getKysely<object>());
    return this.withTargets(rows);
  }

  /** Sets some of one's own watches free for others. */
  async release(workerId: string, claims: readonly WatchClaim[]): Promise<void> {
    if (claims.length === 0) return;
    await sql`
      update watches w set worker_id = null
      from unnest(${claims.map(({ targetKey }) => targetKey)}::int[], ${claims.map(({ claim }) => claim)}::bigint[])
        as c (target_key, claim)
      where w.target_key = c.target_key and w.claim = c.claim and w.worker_id = ${workerId}
    `.execute(this.em.getKysely<object>());
    await sql`notify watches_free`.execute(this.em.getKysely<object>());
  }

  /** Ends a watch, unless somebody else has it by now. */
  async end({ targetKey, claim }: WatchClaim): Promise<void> {
    await sql`delete from watches where target_key = ${targetKey} and claim = ${claim}`.execute(
      this.em.getKysely<object>(),
    );
  }

  /** All that a worker has, by the database. */
  async heldBy(workerId: string): Promise<HeldWatch[]> {
    const { rows } = await sql<{ target_key: number; claim: string; version: number; is_deleted: boolean }>`
      select w.target_key, w.claim::text, t.version, t.deleted_at is not null as is_deleted
      from watches w join http_targets t on t.key = w.target_key
      where w.worker_id = ${workerId}
    `.execute(this.em.getKysely<object>());
    return rows.map((row) => ({
      targetKey: row.target_key,
      claim: row.claim,
      version: row.version,
      isDeleted: row.is_deleted,
    }));
  }

  /** @returns what of these targets is watched, by whomever */
  async claimsOf(targetKeys: readonly number[]): Promise<Set<number>> {
    const { rows } = await sql<{ target_key: number }>`
      select target_key from watches where target_key = any(${targetKeys}::int[])
    `.execute(this.em.getKysely<object>());
    return new Set(rows.map(({ target_key: key }) => key));
  }

  private async withTargets(rows: readonly WatchRow[]): Promise<ClaimedWatch[]> {
    const found = new Map(
      (await this.targets.findAll(rows.map((row) => row.target_id))).map((one) => [one.target.id, one]),
    );
    return rows.map((row) => ({
      targetKey: row.target_key,
      claim: row.claim,
      taskToken: row.task_token,
      version: row.version,
      status: row.status,
      firstSlot: row.first_slot_ms,
      until: row.until_ms,
      watched: found.get(row.target_id) ?? null,
    }));
  }
}

function time(at: number): string {
  return new Date(at).toISOString();
}

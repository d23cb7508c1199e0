import { sql, type RawBuilder } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { SecretBox } from '../encryption.ts';
import { SELECT_TARGET, toTarget, type Target, type TargetRow } from './httpTargetRow.ts';

/** A target with what of its client's settings its workflow needs. */
export interface WatchedTarget {
  readonly target: Target;
  readonly failureThreshold: number;
}

/** A target, or why there is none: "unknown" may mean that this is the wrong database. */
export type FoundTarget =
  ({ readonly kind: 'found' } & WatchedTarget) | { readonly kind: 'deleted' } | { readonly kind: 'unknown' };

/** What reconcile compares with the running workflows. */
export interface TargetVersion {
  readonly id: string;
  readonly name: string;
  readonly version: number;
  readonly isDeleted: boolean;
}

/** How long the workers must have had to catch up with what an outage of theirs left overdue. */
const SETTLED_SECONDS = 5 * 60;
/** Beyond what a target's own pace explains: takeovers, a busy Postgres, clocks that differ. */
const OVERDUE_SECONDS = 60;

/** The targets of all clients, for the workers: the API asks `HttpTargetRepository`. */
export class WatchedTargetRepository {
  private readonly em: EntityManager;
  private readonly secrets: SecretBox;

  constructor(em: EntityManager, secrets: SecretBox) {
    this.em = em;
    this.secrets = secrets;
  }

  /** @returns null for a target that is deleted or never was */
  async find(id: string): Promise<WatchedTarget | null> {
    const [found] = await this.select(sql`t.id = ${id}`);
    return found ?? null;
  }

  /** Those of these targets that live. */
  async findAll(ids: readonly string[]): Promise<WatchedTarget[]> {
    return this.select(sql`t.id = any(${ids}::uuid[])`);
  }

  async lookUp(id: string): Promise<FoundTarget> {
    const watched = await this.find(id);
    if (watched !== null) return { kind: 'found', ...watched };
    const [row] = await this.versions([id]);
    return { kind: row?.isDeleted === true ? 'deleted' : 'unknown' };
  }

  /** Every living target, a page at a time in order of key; `after` is the last key of the page before. */
  async page(after: number, limit: number): Promise<{ versions: TargetVersion[]; lastKey: number | null }> {
    const { rows } = await sql<{ key: number; id: string; name: string; version: number }>`
      select key, id, name, version from http_targets
      where key > ${after} and deleted_at is null order by key limit ${limit}
    `.execute(this.em.getKysely<object>());
    const versions = rows.map(({ id, name, version }) => ({ id, name, version, isDeleted: false }));
    return { versions, lastKey: rows.at(-1)?.key ?? null };
  }

  /** The rows of these ids as they are now, deleted ones included; ids without a row are absent. */
  async versions(ids: readonly string[]): Promise<TargetVersion[]> {
    const { rows } = await sql<{ id: string; name: string; version: number; is_deleted: boolean }>`
      select id, name, version, deleted_at is not null as is_deleted from http_targets where id = any(${ids}::uuid[])
    `.execute(this.em.getKysely<object>());
    return rows.map((row) => ({
      id: row.id,
      name: row.name,
      version: row.version,
      isDeleted: row.is_deleted,
    }));
  }

  /**
   * Active targets that nobody checks and nobody will take on: no check for two intervals (or its timeout, where that
   * is longer) and a minute after it was due, and no worker that has a watch of it. Those that have waited longest come
   * first.
   *
   * None at all while no worker has lived for five minutes. After an outage of all workers everything is overdue, the
   * watches are free until they are claimed within seconds, and what steps is woken by its timers: what is still
   * overdue after that was lost. With one worker of several restarted the others take its watches over at once, so
   * theirs is the age that counts. A worker whose lease has run out (all of the machine stood still, or Postgres was
   * away) has not caught up either. Where only Postgres was away the watches have kept their rows,
   * and what leases that ran out have set free is claimed again within seconds.
   *
   * `next_check_at` has no index on purpose: it changes with every check, and an index would cost each of them its
   * update in place (HOT). Once a minute all states are scanned instead, and those that remain find target and watch
   * by key: with 10,000 targets 2 ms, and some 30 where all are overdue.
   */
  async unwatched(limit: number): Promise<string[]> {
    const { rows } = await sql<{ id: string }>`
      select t.id
      from http_target_states s
      join http_targets t on t.key = s.target_key
      left join watches w on w.target_key = s.target_key
      where s.next_check_at < now() - ${OVERDUE_SECONDS} * interval '1 second'
        and s.next_check_at < now() - interval '1 second'
          * (greatest(2 * t.check_interval_seconds, t.timeout_seconds) + ${OVERDUE_SECONDS})
        and t.is_active and t.deleted_at is null and w.worker_id is null
        and exists (
          select from workers
          where started_at < now() - ${SETTLED_SECONDS} * interval '1 second' and lease_until >= now()
        )
      order by s.next_check_at limit ${limit}
    `.execute(this.em.getKysely<object>());
    return rows.map(({ id }) => id);
  }

  private async select(condition: RawBuilder<unknown>): Promise<WatchedTarget[]> {
    const { rows } = await sql<TargetRow & { failure_threshold: number }>`
      select w.*, coalesce(c.consecutive_failures_threshold, 2) as failure_threshold
      from (${SELECT_TARGET} and ${condition}) w
      left join client_settings c on c.client_id = w.client_id
    `.execute(this.em.getKysely<object>());
    return rows.map((row) => ({
      target: toTarget(row, this.secrets),
      failureThreshold: row.failure_threshold,
    }));
  }
}

/** Whose workflows are ours. */
export async function readInstallationId(em: EntityManager): Promise<string> {
  const { rows } = await sql<{ id: string }>`select id from installation`.execute(em.getKysely<object>());
  const [row] = rows;
  if (row === undefined)
    throw new Error('The installation row is missing: restore it, or migrate an empty database.');
  return row.id;
}

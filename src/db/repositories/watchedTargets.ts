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

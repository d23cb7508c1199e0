import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { TargetStatus } from '../../domain/targetState.ts';
import { normalizeTargetUrl } from '../../domain/targetUrl.ts';
import type { SecretBox } from '../encryption.ts';
import { sqlStateOf } from '../sqlState.ts';
import { inTransaction } from '../transaction.ts';
import { syncAlerts } from './alerting/syncAlerts.ts';
import type { Caller } from './clients.ts';
import { decodeCursor } from './cursor.ts';
import { pageOf, type Page } from './page.ts';
import {
  SELECT_TARGET,
  toTarget,
  type Target,
  type TargetDefinition,
  type TargetRow,
} from './httpTargetRow.ts';

interface TargetFilter {
  /** Part of the name or the URL, case ignored. */
  readonly q?: string | undefined;
  readonly status?: TargetStatus | undefined;
  readonly isActive?: boolean | undefined;
  readonly tag?: string | undefined;
  readonly newestFirst?: boolean | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** Another target of the same client has this URL. */
export class UrlTakenError extends Error {
  override readonly name = 'UrlTakenError';
  readonly existingId: string;

  constructor(existingId: string) {
    super('A target with this URL exists already.');
    this.existingId = existingId;
  }
}

const UNIQUE_VIOLATION = '23505';
/** What changes a check: any of these makes a new version. */
const CHECKED_FIELDS = [
  'url',
  'method',
  'timeoutSeconds',
  'checkIntervalSeconds',
  'retryIntervalSeconds',
  'recoveryThreshold',
  'acceptedStatusCodes',
  'followRedirects',
  'verifyTls',
  'headers',
  'body',
  'isActive',
] as const satisfies readonly (keyof TargetDefinition)[];

/** The targets of one client; there is no way to ask for another's. */
export class HttpTargetRepository {
  private readonly em: EntityManager;
  private readonly clientId: string;
  private readonly secrets: SecretBox;

  constructor(em: EntityManager, caller: Pick<Caller, 'clientId'>, secrets: SecretBox) {
    this.em = em;
    this.clientId = caller.clientId;
    this.secrets = secrets;
  }

  /**
   * @returns a page in order of creation, and the cursor of the next one
   * @throws InvalidCursorError
   */
  async list(filter: TargetFilter): Promise<Page<Target>> {
    const direction = filter.newestFirst === true ? sql`desc` : sql`asc`;
    const { rows } = await sql<TargetRow>`
      ${SELECT_TARGET} and ${this.conditions(filter)}
      order by t.created_at ${direction}, t.id ${direction}
      limit ${filter.limit + 1}
    `.execute(this.em.getKysely<object>());
    return pageOf(rows, {
      limit: filter.limit,
      toItem: (row) => toTarget(row, this.secrets),
      keyOf: (row) => [new Date(row.created_at).toISOString(), row.id],
    });
  }

  async find(id: string): Promise<Target | null> {
    return this.findOne(sql`t.id = ${id}`);
  }

  /**
   * @param id of the new target
   * @throws UrlTakenError; under any concurrency one of the callers creates it
   */
  async create(id: string, definition: TargetDefinition): Promise<Target> {
    // The holder of the URL may be deleted between the insert that met it and the look at it.
    for (;;) {
      const created = await this.insert(id, definition);
      if (created !== null) return created;
      const holder = await this.holderOf(definition.url);
      if (holder !== null) throw new UrlTakenError(holder);
    }
  }

  /**
   * Applies a change to the row as it is at that moment, under its lock, so that concurrent changes of
   * different fields all stay.
   *
   * @param change gives the whole new definition; may throw, then nothing changes
   * @returns the target before and after, or null when it does not exist
   * @throws UrlTakenError
   */
  async update(
    id: string,
    change: (current: TargetDefinition) => TargetDefinition,
  ): Promise<{ before: Target; after: Target } | null> {
    let wantedUrl = '';
    const remembering = (current: TargetDefinition): TargetDefinition => {
      const next = change(current);
      wantedUrl = next.url;
      return next;
    };
    for (;;) {
      try {
        return await this.updateLocked(id, remembering);
      } catch (error) {
        if (!isUrlTaken(error)) throw error;
        const holder = await this.holderOf(wantedUrl);
        if (holder !== null) throw new UrlTakenError(holder);
      }
    }
  }

  private async updateLocked(
    id: string,
    change: (current: TargetDefinition) => TargetDefinition,
  ): Promise<{ before: Target; after: Target } | null> {
    return inTransaction(this.em, async (db) => {
      const before = await this.findOne(sql`t.id = ${id}`, db, sql`for update of t`);
      if (before === null) return null;
      const next = change(before);
      const isNewVersion = CHECKED_FIELDS.some((field) => !sameValue(before[field], next[field]));
      await this.write(db, before, next, isNewVersion);
      if (isNewVersion) await startOver(db, id, before, next);
      await syncTarget(db, id);
      const after = await this.findOne(sql`t.id = ${id}`, db);
      return after === null ? null : { before, after };
    });
  }

  /** Soft: the checks stay readable by operators, the URL is free at once. @returns whether it existed. */
  delete(id: string): Promise<boolean> {
    return inTransaction(this.em, async (db) => {
      const { numAffectedRows = 0n } = await sql`
        update http_targets set deleted_at = now()
        where id = ${id} and client_id = ${this.clientId} and deleted_at is null
      `.execute(db);
      await syncTarget(db, id);
      return numAffectedRows > 0n;
    });
  }

  /** @returns null when another target has the URL */
  private insert(id: string, definition: TargetDefinition): Promise<Target | null> {
    return inTransaction(this.em, async (db) => {
      const { rows } = await sql<{ key: number }>`
        insert into http_targets (id, client_id, name, url, url_normalized, method, timeout_seconds,
          check_interval_seconds, retry_interval_seconds, recovery_threshold, accepted_status_codes,
          follow_redirects, verify_tls, headers_encrypted, body_encrypted, tags, is_active, created_at, updated_at)
        select ${id}::uuid, ${this.clientId}::uuid, d.*, date_trunc('milliseconds', now()), now()
        from (values (${this.columnValues(id, definition)})) as d
        on conflict (client_id, url_normalized) where deleted_at is null do nothing
        returning key
      `.execute(db);
      const [created] = rows;
      if (created === undefined) return null;
      const { isActive } = definition;
      await sql`
        insert into http_target_states (target_key, status, next_check_at)
        values (${created.key}, ${isActive ? 'unknown' : 'paused'}, ${isActive ? sql`now()` : null})
      `.execute(db);
      return this.findOne(sql`t.id = ${id}`, db);
    });
  }

  private async findOne(
    condition: RawBuilder<unknown>,
    db: Kysely<object> = this.em.getKysely<object>(),
    lock = sql``,
  ): Promise<Target | null> {
    const { rows } = await sql<TargetRow>`
      ${SELECT_TARGET} and t.client_id = ${this.clientId} and ${condition} ${lock}
    `.execute(db);
    const [row] = rows;
    return row === undefined ? null : toTarget(row, this.secrets);
  }

  private async holderOf(url: string): Promise<string | null> {
    const holder = await this.findOne(sql`t.url_normalized = ${normalizeTargetUrl(url)}`);
    return holder?.id ?? null;
  }

  private async write(
    db: Kysely<object>,
    before: Target,
    next: TargetDefinition,
    isNewVersion: boolean,
  ): Promise<void> {
    await sql`
      update http_targets set (name, url, url_normalized, method, timeout_seconds, check_interval_seconds,
        retry_interval_seconds, recovery_threshold, accepted_status_codes, follow_redirects, verify_tls,
        headers_encrypted, body_encrypted, tags, is_active) = (${this.columnValues(before.id, next)}),
        updated_at = now(), version = version + ${isNewVersion ? 1 : 0}
      where id = ${before.id}
    `.execute(db);
  }

  private conditions(filter: TargetFilter): RawBuilder<unknown> {
    const all: RawBuilder<unknown>[] = [sql`t.client_id = ${this.clientId}`];
    if (filter.q !== undefined) {
      const pattern = `%${filter.q.replace(/[\\%_]/g, '\\$&')}%`;
      all.push(sql`(t.name ilike ${pattern} or t.url ilike ${pattern})`);
    }
    if (filter.isActive !== undefined) all.push(sql`t.is_active = ${filter.isActive}`);
    if (filter.status === 'paused') all.push(sql`not t.is_active`);
    else if (filter.status === 'unknown') all.push(sql`(t.is_active and s.status in ('unknown', 'paused'))`);
    else if (filter.status !== undefined) all.push(sql`(t.is_active and s.status = ${filter.status})`);
    if (filter.tag !== undefined) all.push(sql`${filter.tag} = any(t.tags)`);
    if (filter.cursor !== undefined) {
      const [createdAt, id] = decodeCursor(filter.cursor, ['time', 'uuid']);
      const beyond = filter.newestFirst === true ? sql`<` : sql`>`;
      all.push(sql`(t.created_at, t.id) ${beyond} (${createdAt}::timestamptz, ${id}::uuid)`);
    }
    return sql.join(all, sql` and `);
  }

  private columnValues(id: string, definition: TargetDefinition): RawBuilder<unknown> {
    const { headers, body, acceptedStatusCodes } = definition;
    const sealed = (text: string | null): Buffer | null =>
      text === null ? null : this.secrets.seal(text, id);
    return sql.join([
      sql`${definition.name}::text`,
      sql`${definition.url}::text`,
      sql`${normalizeTargetUrl(definition.url)}::text`,
      sql`${definition.method}::text`,
      sql`${definition.timeoutSeconds}::int`,
      sql`${definition.checkIntervalSeconds}::int`,
      sql`${definition.retryIntervalSeconds}::int`,
      sql`${definition.recoveryThreshold}::int`,
      sql`${acceptedStatusCodes === null ? null : JSON.stringify(acceptedStatusCodes)}::jsonb`,
      sql`${definition.followRedirects}::boolean`,
      sql`${definition.verifyTls}::boolean`,
      sql`${sealed(headers === null ? null : JSON.stringify(headers))}::bytea`,
      sql`${sealed(body)}::bytea`,
      sql`${definition.tags}::text[]`,
      sql`${definition.isActive}::boolean`,
    ]);
  }
}

/**
 * A new version counts anew, as its workflow does: streaks start over, and a target that is paused or resumed
 * shows so until its next check.
 */
async function startOver(
  db: Kysely<object>,
  id: string,
  before: TargetDefinition,
  next: TargetDefinition,
): Promise<void> {
  const status = next.isActive ? 'unknown' : 'paused';
  const change =
    before.isActive === next.isActive ? sql`` : sql`, status = ${status}, last_state_change_at = now()`;
  // Another address may have another certificate, or none: the next check says so.
  const certificate = before.url === next.url ? sql`` : sql`, certificate_expires_at = null`;
  await sql`
    update http_target_states set consecutive_failures = 0, consecutive_passes = 0,
      next_check_at = ${next.isActive ? sql`now()` : null} ${change} ${certificate}
    where target_key = (select key from http_targets where id = ${id})
  `.execute(db);
}

/** A target that is paused or deleted has no alerts. */
async function syncTarget(db: Kysely<object>, id: string): Promise<void> {
  const { rows } = await sql<{ key: number }>`select key from http_targets where id = ${id}`.execute(db);
  const keys = rows.map(({ key }) => key);
  await syncAlerts(db, 'http_target', keys);
  await syncAlerts(db, 'certificate', keys);
}

/** The unique index has the last word on who holds a URL. */
function isUrlTaken(error: unknown): boolean {
  return (
    error instanceof Error &&
    sqlStateOf(error) === UNIQUE_VIOLATION &&
    'constraint' in error &&
    error.constraint === 'http_targets_client_url_unique'
  );
}

function sameValue(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

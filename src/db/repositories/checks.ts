import { sql, type Kysely } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { CheckResult } from '../../domain/check.ts';
import type { TargetState } from '../../domain/targetState.ts';
import { kindCode, outcomeCode, toInteger, toSmallint } from '../checkCodes.ts';
import { inTransaction } from '../transaction.ts';
import { CHECK_COLUMNS, toStoredCheck, type CheckRow } from './checkHistory.ts';

/** A check on its way to the database. */
export interface CheckToRecord {
  readonly targetId: string;
  readonly result: CheckResult;
  /** Only a check of this version of a living target is stored; null stores it whatever has changed since. */
  readonly version: number | null;
  /** What the stored check makes of the target; null when its status is written another way. */
  readonly decide: ((stored: CheckResult, failureThreshold: number) => DecidedState) | null;
}

export interface DecidedState {
  readonly state: TargetState;
  readonly nextCheckAt: number | null;
}

/** What became of a check. */
export type RecordedCheck =
  | { readonly kind: 'recorded'; readonly stored: CheckResult; readonly failureThreshold: number }
  /** The target has another version by now, or is gone (null): the check counts for nothing. */
  | { readonly kind: 'superseded'; readonly version: number | null };

/** Check violation: "no partition of relation … found for row". */
const NO_PARTITION = '23514';

/** Writes checks, and what they decide, in groups: one transaction for many targets. */
export class CheckRepository {
  private readonly em: EntityManager;

  constructor(em: EntityManager) {
    this.em = em;
  }

  /**
   * Stores the checks of one group. A check that is stored already stays as it is and is read back, so that
   * a second probe of the same slot changes nothing. The status is decided from what is stored, in the same
   * transaction. A day without a partition gets one.
   *
   * @returns one entry for each check, in their order
   */
  async record(checks: readonly CheckToRecord[]): Promise<RecordedCheck[]> {
    try {
      return await this.recordOnce(checks);
    } catch (error) {
      if ((error as { code?: unknown }).code !== NO_PARTITION) throw error;
      await this.ensurePartitions(checks.map(({ result }) => result.scheduledAt));
      return this.recordOnce(checks);
    }
  }

  /** Makes the partitions of the UTC days of these instants, where they are missing. */
  async ensurePartitions(instants: readonly number[]): Promise<void> {
    const days = new Set(instants.map((at) => new Date(at).toISOString().slice(0, 10)));
    for (const day of days) {
      await sql`select ensure_check_partitions(${day}::date)`.execute(this.em.getKysely<object>());
    }
  }

  private recordOnce(checks: readonly CheckToRecord[]): Promise<RecordedCheck[]> {
    return inTransaction(this.em, async (db) => {
      const group = new RecordGroup(db, checks);
      const found = await group.insert();
      const stored = await group.readBack(found);
      const recorded = checks.map((check, index) => toRecorded(check, found[index], stored.get(index)));
      await group.writeStates(found, recorded);
      return recorded;
    });
  }
}

interface FoundTarget {
  index: number;
  key: number;
  version: number;
  is_deleted: boolean;
  failure_threshold: number;
  is_new: boolean;
}

class RecordGroup {
  private readonly db: Kysely<object>;
  private readonly checks: readonly CheckToRecord[];

  constructor(db: Kysely<object>, checks: readonly CheckToRecord[]) {
    this.db = db;
    this.checks = checks;
  }

  /** @returns by index: the target of each check, undefined where no row exists */
  async insert(): Promise<(FoundTarget | undefined)[]> {
    const column = <T>(of: (check: CheckToRecord) => T): T[] => this.checks.map(of);
    const { rows } = await sql<FoundTarget>`
      with incoming as (
        select * from unnest(
          ${column(({ targetId }) => targetId)}::uuid[],
          ${column(({ version }) => version)}::int[],
          ${column(({ result }) => new Date(result.scheduledAt).toISOString())}::timestamptz[],
          ${column(({ result }) => toInteger(result.startedAt - result.scheduledAt))}::int[],
          ${column(({ result }) => toInteger(result.timings.totalMs))}::int[],
          ${column(({ result }) => toSmallint(result.statusCode))}::smallint[],
          ${column(({ result }) => toSmallint(result.timings.dnsMs))}::smallint[],
          ${column(({ result }) => toSmallint(result.timings.tcpMs))}::smallint[],
          ${column(({ result }) => toSmallint(result.timings.tlsMs))}::smallint[],
          ${column(({ result }) => toSmallint(result.timings.firstByteMs))}::smallint[],
          ${column(({ result }) => outcomeCode(result.failureClass))}::"char"[],
          ${column(({ result }) => kindCode(result.kind))}::"char"[],
          ${column(({ result }) => storable(result.errorMessage))}::text[]
        ) with ordinality as i (target_id, version, scheduled_at, started_after_ms, total_ms, status_code, dns_ms,
          tcp_ms, tls_ms, first_byte_ms, outcome, kind, error_message, index)
      ), known as (
        select i.*, t.key, t.version as current_version, t.deleted_at is not null as is_deleted,
          coalesce(s.consecutive_failures_threshold, 2) as failure_threshold
        from incoming i
        join http_targets t on t.id = i.target_id
        left join client_settings s on s.client_id = t.client_id
      ), inserted as (
        insert into checks (scheduled_at, target_key, started_after_ms, total_ms, status_code, dns_ms, tcp_ms,
          tls_ms, first_byte_ms, outcome, kind)
        select scheduled_at, key, started_after_ms, total_ms, status_code, dns_ms, tcp_ms, tls_ms, first_byte_ms,
          outcome, kind
        from known
        where version is null or (version = current_version and not is_deleted)
        order by key, scheduled_at
        on conflict do nothing
        returning target_key, scheduled_at
      ), failed as (
        insert into check_failures (scheduled_at, target_key, error_message)
        select k.scheduled_at, k.key, k.error_message
        from known k join inserted n on n.target_key = k.key and n.scheduled_at = k.scheduled_at
        where k.error_message is not null
        on conflict do nothing
      )
      select (k.index - 1)::int as index, k.key, k.current_version as version, k.is_deleted, k.failure_threshold,
        n.target_key is not null as is_new
      from known k left join inserted n on n.target_key = k.key and n.scheduled_at = k.scheduled_at
    `.execute(this.db);
    const found = new Array<FoundTarget | undefined>(this.checks.length).fill(undefined);
    for (const row of rows) found[row.index] = row;
    return found;
  }

  /** @returns by index: the stored checks of those slots that were taken already */
  async readBack(found: readonly (FoundTarget | undefined)[]): Promise<Map<number, CheckResult>> {
    const taken = found.filter((target) => target !== undefined).filter(({ is_new: isNew }) => !isNew);
    if (taken.length === 0) return new Map();
    const slots = taken.map(({ index }) => this.slotOf(index));
    const { rows } = await sql<CheckRow & { index: number }>`
      select w.index, ${CHECK_COLUMNS}
      from unnest(${taken.map(({ index }) => index)}::int[], ${taken.map(({ key }) => key)}::int[], ${slots}::timestamptz[])
        as w (index, key, scheduled_at)
      join checks c on c.target_key = w.key and c.scheduled_at = w.scheduled_at
      left join check_failures f on f.target_key = c.target_key and f.scheduled_at = c.scheduled_at
    `.execute(this.db);
    return new Map(
      rows.map((row) => {
        const probed = this.checks[row.index]?.result.certificateExpiresAt ?? null;
        return [row.index, { ...toStoredCheck(row), certificateExpiresAt: probed }];
      }),
    );
  }

  /** An older check never overwrites what a newer one decided. */
  async writeStates(
    found: readonly (FoundTarget | undefined)[],
    recorded: readonly RecordedCheck[],
  ): Promise<void> {
    const decided = this.checks.flatMap((check, index) => {
      const [target, entry] = [found[index], recorded[index]];
      if (check.decide === null || target === undefined || entry?.kind !== 'recorded') return [];
      return [{ key: target.key, ...check.decide(entry.stored, entry.failureThreshold) }];
    });
    const newest = new Map<number, DecidedState & { key: number }>();
    for (const entry of decided) {
      const other = newest.get(entry.key);
      if (other === undefined || slotOf(other) < slotOf(entry)) newest.set(entry.key, entry);
    }
    if (newest.size > 0) await updateStates(this.db, [...newest.values()]);
  }

  private slotOf(index: number): string {
    return new Date(this.checks[index]?.result.scheduledAt ?? Number.NaN).toISOString();
  }
}

/** Postgres text holds no NUL. */
function storable(text: string | null): string | null {
  return text === null ? null : text.replaceAll('\0', '');
}

function slotOf({ state }: DecidedState): number {
  return state.lastCheck?.scheduledAt ?? 0;
}

function toRecorded(
  check: CheckToRecord,
  target: FoundTarget | undefined,
  stored: CheckResult | undefined,
): RecordedCheck {
  if (target === undefined) return { kind: 'superseded', version: null };
  const failureThreshold = target.failure_threshold;
  if (target.is_new) return { kind: 'recorded', stored: check.result, failureThreshold };
  if (stored !== undefined) return { kind: 'recorded', stored, failureThreshold };
  return { kind: 'superseded', version: target.is_deleted ? null : target.version };
}

async function updateStates(
  db: Kysely<object>,
  decided: readonly (DecidedState & { key: number })[],
): Promise<void> {
  const column = <T>(of: (entry: DecidedState & { key: number }) => T): T[] => decided.map(of);
  const time = (at: number | null | undefined): string | null =>
    at === null || at === undefined ? null : new Date(at).toISOString();
  await sql`
    update http_target_states s set
      status = d.status, consecutive_failures = d.failures, consecutive_passes = d.passes, episode = d.episode,
      last_scheduled_at = d.scheduled_at, last_check_at = d.check_at, last_failure_class = d.failure_class,
      last_error_message = d.error_message, last_status_code = d.status_code,
      last_response_time_ms = d.response_time_ms, last_state_change_at = d.state_change_at,
      next_check_at = d.next_check_at, certificate_expires_at = d.certificate_expires_at
    from unnest(
      ${column(({ key }) => key)}::int[],
      ${column(({ state }) => state.status)}::text[],
      ${column(({ state }) => state.consecutiveFailures)}::int[],
      ${column(({ state }) => state.consecutivePasses)}::int[],
      ${column(({ state }) => state.episode)}::int[],
      ${column(({ state }) => time(state.lastCheck?.scheduledAt))}::timestamptz[],
      ${column(({ state }) => time(state.lastCheck?.startedAt))}::timestamptz[],
      ${column(({ state }) => state.lastCheck?.failureClass ?? null)}::text[],
      ${column(({ state }) => storable(state.lastCheck?.errorMessage ?? null))}::text[],
      ${column(({ state }) => state.lastCheck?.statusCode ?? null)}::int[],
      ${column(({ state }) => state.lastCheck?.totalMs ?? null)}::int[],
      ${column(({ state }) => time(state.lastStateChangeAt))}::timestamptz[],
      ${column(({ nextCheckAt }) => time(nextCheckAt))}::timestamptz[],
      ${column(({ state }) => time(state.certificateExpiresAt))}::timestamptz[]
    ) as d (key, status, failures, passes, episode, scheduled_at, check_at, failure_class, error_message,
      status_code, response_time_ms, state_change_at, next_check_at, certificate_expires_at)
    where s.target_key = d.key
      and (s.last_scheduled_at is null or s.last_scheduled_at < d.scheduled_at)
  `.execute(db);
}

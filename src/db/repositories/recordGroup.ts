import { sql, type Kysely } from 'kysely';
import type { CheckResult } from '../../domain/check.ts';
import { lastSlotOf } from '../../domain/targetState.ts';
import { kindCode, outcomeCode, toInteger, toSmallint } from '../checkCodes.ts';
import { notePassedTargetFaults } from './alerting/passedFaults.ts';
import { syncAlerts } from './alerting/syncAlerts.ts';
import { CHECK_COLUMNS, toStoredCheck, type CheckRow } from './checkHistory.ts';
import type { CheckToRecord, RecordedCheck } from './checkToRecord.ts';
import {
  KNOWN_STATE,
  storable,
  toKnownState,
  writeStates,
  type DecidedFromRow,
  type KnownStateRow,
} from './targetStates.ts';

/** A target of the group with what was decided about it before. */
interface FoundTarget extends KnownStateRow {
  index: number;
  key: number;
  version: number;
  is_deleted: boolean;
  failure_threshold: number;
  is_new: boolean;
  /** Of the watch of this target, whoever has it; null without one. */
  watch_claim: string | null;
}

/** The statements of one group of checks, in their order; they share a transaction. */
export class RecordGroup {
  private readonly db: Kysely<object>;
  private readonly checks: readonly CheckToRecord[];
  /** Whether a target went down. */
  hasAlerted = false;

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
          ${column(({ result }) => storable(result.errorMessage))}::text[],
          ${column(({ watch }) => (typeof watch === 'object' ? watch.claim : null))}::bigint[],
          ${column(({ watch }) => watch === 'instead')}::boolean[]
        ) with ordinality as i (target_id, version, scheduled_at, started_after_ms, total_ms, status_code, dns_ms,
          tcp_ms, tls_ms, first_byte_ms, outcome, kind, error_message, claim, ends_watch, index)
      ), known as (
        select i.*, t.key, t.version as current_version, t.deleted_at is not null as is_deleted, t.is_active,
          coalesce(s.consecutive_failures_threshold, 2) as failure_threshold, w.claim as watch_claim
        from incoming i
        join http_targets t on t.id = i.target_id
        left join client_settings s on s.client_id = t.client_id
        left join watches w on w.target_key = t.key
      ), ended as (
        delete from watches w using known k
        where k.ends_watch and k.watch_claim is not null and w.target_key = k.key and w.first_slot_at < k.scheduled_at
      ), inserted as (
        insert into checks (scheduled_at, target_key, started_after_ms, total_ms, status_code, dns_ms, tcp_ms,
          tls_ms, first_byte_ms, outcome, kind)
        select scheduled_at, key, started_after_ms, total_ms, status_code, dns_ms, tcp_ms, tls_ms, first_byte_ms,
          outcome, kind
        from known
        where (version is null or (version = current_version and not is_deleted))
          and (claim is null or claim = watch_claim)
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
        n.target_key is not null as is_new, k.watch_claim::text, ${KNOWN_STATE}
      from known k join http_target_states b on b.target_key = k.key
      left join inserted n on n.target_key = k.key and n.scheduled_at = k.scheduled_at
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

  /** Decides each stored check, oldest first, and writes what was decided. */
  async decide(
    found: readonly (FoundTarget | undefined)[],
    readBack: ReadonlyMap<number, CheckResult>,
  ): Promise<RecordedCheck[]> {
    const recorded = new Array<RecordedCheck>(this.checks.length).fill({ kind: 'unknown' });
    const latest = new Map<number, DecidedFromRow>();
    for (const { check, index } of this.oldestFirst()) {
      const target = found[index];
      if (target === undefined) continue;
      const fence = fencedBy(check, target);
      if (fence !== null) {
        recorded[index] = { kind: 'fenced', by: fence };
        continue;
      }
      const stored = target.is_new ? check.result : readBack.get(index);
      if (stored === undefined) {
        recorded[index] = target.is_deleted
          ? { kind: 'deleted' }
          : { kind: 'superseded', version: target.version };
        continue;
      }
      const failureThreshold = target.failure_threshold;
      const state = latest.get(target.key)?.state ?? toKnownState(target);
      const decided = check.decide?.(stored, { state, failureThreshold }) ?? null;
      if (decided !== null) latest.set(target.key, { ...decided, seenSlot: target.last_scheduled_ms });
      recorded[index] = { kind: 'recorded', stored, failureThreshold, decided };
    }
    if (latest.size > 0) {
      await writeStates(this.db, latest);
      await this.alert(found, latest);
    }
    return recorded;
  }

  /** Where a target went down or came back, its alert is part of the transaction. */
  private async alert(
    found: readonly (FoundTarget | undefined)[],
    decided: ReadonlyMap<number, DecidedFromRow>,
  ): Promise<void> {
    const changes = new Map(
      found.flatMap((before) => {
        const after = before === undefined ? undefined : decided.get(before.key)?.state;
        return before === undefined || after === undefined ? [] : [[before.key, { before, after }] as const];
      }),
    );
    const all = [...changes].map(([targetKey, change]) => ({ targetKey, ...change }));
    const turned = all.filter(
      ({ before, after }) => before.status !== after.status || before.episode !== after.episode,
    );
    const passed = turned.filter(
      ({ before, after }) => after.status !== 'down' && after.episode > before.episode,
    );
    const certified = all.filter(
      ({ before, after }) =>
        before.certificate_expires_ms !== after.certificateExpiresAt &&
        [before.certificate_expires_ms, after.certificateExpiresAt].some((at) =>
          isNear(at, lastSlotOf(after)),
        ),
    );
    const keys = (targets: readonly { targetKey: number }[]) => targets.map(({ targetKey }) => targetKey);
    this.hasAlerted = turned.some(({ after }) => after.status === 'down');
    await syncAlerts(this.db, 'http_target', keys(turned));
    await notePassedTargetFaults(
      this.db,
      passed.map(({ targetKey, after }) => ({ targetKey, episode: after.episode })),
    );
    await syncAlerts(this.db, 'certificate', keys(certified));
  }

  private oldestFirst(): { check: CheckToRecord; index: number }[] {
    return this.checks
      .map((check, index) => ({ check, index }))
      .sort((a, b) => a.check.result.scheduledAt - b.check.result.scheduledAt);
  }

  private slotOf(index: number): string {
    return new Date(this.checks[index]?.result.scheduledAt ?? Number.NaN).toISOString();
  }
}

/** The first of a certificate's alerts comes 30 days before its end. */
const NEAR_MS = 31 * 86_400_000;

function isNear(certificateEndsAt: number | null, now: number): boolean {
  return certificateEndsAt !== null && certificateEndsAt - now < NEAR_MS;
}

/** A watch's rows count only while the watch is its worker's. */
function fencedBy({ watch }: CheckToRecord, target: FoundTarget): 'end' | 'worker' | null {
  if (typeof watch !== 'object' || watch.claim === target.watch_claim) return null;
  return target.watch_claim === null ? 'end' : 'worker';
}

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { CheckRepository } from '../../../src/db/repositories/checks.ts';
import type { CheckToRecord } from '../../../src/db/repositories/checkToRecord.ts';
import type { CheckResult } from '../../../src/domain/check.ts';
import { decideCheck, INITIAL_STATE } from '../../../src/domain/targetState.ts';
import type { Target } from '../../../src/db/repositories/httpTargetRow.ts';
import { buildFailure, buildResult, buildSchedule } from '../../support/buildCheck.ts';
import { buildDefinition, openTargetDatabase, type TargetDatabase } from '../../support/targets.ts';

let db: TargetDatabase;
let checks: CheckRepository;

beforeAll(async () => {
  db = await openTargetDatabase();
  checks = new CheckRepository(db.orm.em.fork());
});
afterAll(() => db.close());

const now = Math.floor(Date.now() / 1_000) * 1_000;

function toRecord(
  target: Target,
  result: CheckResult,
  overrides: Partial<CheckToRecord> = {},
): CheckToRecord {
  return {
    targetId: target.id,
    result,
    version: target.version,
    watch: 'beside',
    decide: (stored, known) => ({
      state: decideCheck(known.state, INITIAL_STATE, stored, buildSchedule()),
      nextCheckAt: result.scheduledAt + 60_000,
    }),
    ...overrides,
  };
}

describe('CheckRepository#record', () => {
  it('gives back what it stored, saturated and rounded', async () => {
    const target = await db.create();
    const result = buildFailure({
      scheduledAt: now,
      startedAt: now - 12,
      statusCode: 503,
      timings: { dnsMs: 0, tcpMs: null, tlsMs: 40_000, firstByteMs: 12.4, totalMs: 61_000 },
      kind: 'manual',
    });
    await checks.record([toRecord(target, result)]);
    const { items } = await db.history().list(target.id, { limit: 10 });
    const { certificateExpiresAt: _absent, ...stored } = result;
    const timings = { dnsMs: 0, tcpMs: null, tlsMs: 32_767, firstByteMs: 12, totalMs: 61_000 };
    expect(items).toEqual([{ ...stored, timings }]);
  });

  it('lets the stored row win over a second probe of the same slot, and decides from it', async () => {
    const target = await db.create();
    const first = buildFailure({ scheduledAt: now });
    const second = buildResult({ scheduledAt: now });
    await checks.record([toRecord(target, first)]);
    const [again] = await checks.record([toRecord(target, second)]);
    expect(again).toMatchObject({ kind: 'recorded', stored: { failureClass: 'connect' } });
    expect((await db.history().list(target.id, { limit: 10 })).items).toHaveLength(1);
    expect(await db.targets().find(target.id)).toMatchObject({
      consecutiveFailures: 1,
      lastFailureClass: 'connect',
    });
  });

  it('writes one slot once when many write it at the same moment', async () => {
    const target = await db.create();
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        checks.record([toRecord(target, buildResult({ scheduledAt: now, statusCode: 200 + index }))]),
      ),
    );
    const codes = answers.map(([answer]) => (answer?.kind === 'recorded' ? answer.stored.statusCode : null));
    expect(new Set(codes).size).toBe(1);
    expect((await db.history().list(target.id, { limit: 10 })).items).toHaveLength(1);
  });

  it('stores nothing of an older version, of a deleted target, or of one that never was', async () => {
    const [changed, deleted] = [await db.create(), await db.create()];
    await db.targets().update(changed.id, (current) => ({ ...current, timeoutSeconds: 3 }));
    await db.targets().delete(deleted.id);
    const unknown = { ...changed, id: crypto.randomUUID() };
    const answers = await checks.record(
      [changed, deleted, unknown].map((target) => toRecord(target, buildResult({ scheduledAt: now }))),
    );
    expect(answers).toEqual([{ kind: 'superseded', version: 2 }, { kind: 'deleted' }, { kind: 'unknown' }]);
    expect((await db.history().list(changed.id, { limit: 10 })).items).toEqual([]);
  });

  it('goes on from what the row knows when its workflow has missed a check', async () => {
    const target = await db.create();
    const slot = (index: number) => now + index * 1_000;
    for (const index of [0, 1])
      await checks.record([toRecord(target, buildFailure({ scheduledAt: slot(index) }))]);
    expect(await db.targets().find(target.id)).toMatchObject({ status: 'down', episode: 1 });
    // It asks again from the state before all of them.
    const [answer] = await checks.record([toRecord(target, buildResult({ scheduledAt: slot(2) }))]);
    expect(answer).toMatchObject({ decided: { state: { status: 'up', episode: 1 } } });
    for (const index of [3, 4])
      await checks.record([toRecord(target, buildFailure({ scheduledAt: slot(index) }))]);
    expect(await db.targets().find(target.id)).toMatchObject({ status: 'down', episode: 2 });
  });

  it('counts a check once, however often it is recorded', async () => {
    const target = await db.create();
    for (const _ of [1, 2, 3]) await checks.record([toRecord(target, buildFailure({ scheduledAt: now }))]);
    expect(await db.targets().find(target.id)).toMatchObject({ status: 'unknown', consecutiveFailures: 1 });
  });

  it('stores what a workflow kept through an outage, whatever has changed since', async () => {
    const target = await db.create();
    await db.targets().update(target.id, (current) => ({ ...current, timeoutSeconds: 3 }));
    const kept = buildResult({ scheduledAt: now - 3_600_000 });
    const [answer] = await checks.record([toRecord(target, kept, { version: null, decide: null })]);
    expect(answer).toMatchObject({ kind: 'recorded' });
    expect((await db.history().list(target.id, { limit: 10 })).items).toHaveLength(1);
  });

  it('never lets an older check overwrite what a newer one decided', async () => {
    const target = await db.create();
    await checks.record([toRecord(target, buildResult({ scheduledAt: now }))]);
    await checks.record([toRecord(target, buildFailure({ scheduledAt: now - 60_000 }))]);
    expect(await db.targets().find(target.id)).toMatchObject({
      status: 'up',
      lastScheduledAt: new Date(now),
    });
  });

  it('takes two checks of one target in one group and keeps the newer status', async () => {
    const target = await db.create();
    await checks.record([
      toRecord(target, buildFailure({ scheduledAt: now + 1 })),
      toRecord(target, buildResult({ scheduledAt: now })),
    ]);
    expect(await db.targets().find(target.id)).toMatchObject({ status: 'up', consecutiveFailures: 1 });
  });

  it('makes the partition of a day that has none', async () => {
    const target = await db.create();
    const longAgo = Date.UTC(2024, 1, 29, 23, 59, 59, 999);
    const farAhead = Date.UTC(2031, 0, 1);
    await Promise.all(
      [longAgo, farAhead].map((at) =>
        checks.record([toRecord(target, buildResult({ scheduledAt: at }), { decide: null })]),
      ),
    );
    const { items } = await db.history().list(target.id, { limit: 10 });
    expect(items.map(({ scheduledAt }) => scheduledAt)).toEqual([farAhead, longAgo]);
  });

  it('needs at most 110 bytes a check, its index included', async () => {
    const targets = await Promise.all(Array.from({ length: 50 }, () => db.create()));
    const day = Date.UTC(2030, 5, 1);
    for (let minute = 0; minute < 1_200; minute += 10) {
      const slots = Array.from({ length: 10 }, (_, index) => day + (minute + index) * 60_000);
      const group = slots.flatMap((scheduledAt) =>
        targets.map((target) => toRecord(target, buildResult({ scheduledAt }), { decide: null })),
      );
      await checks.record(group);
    }
    const { rows } = await sql<{ bytes: number }>`
      select pg_total_relation_size('checks_20300601')::float8 / count(*) as bytes from checks_20300601
    `.execute(db.orm.em.fork().getKysely<object>());
    expect(rows[0]?.bytes).toBeLessThanOrEqual(110);
  });
});

describe('CheckHistory#list', () => {
  it('pages newest first, stable while checks come in', async () => {
    const target = await db.create();
    const slots = Array.from({ length: 25 }, (_, index) => now - index * 1_000);
    await checks.record(
      slots.map((at) => toRecord(target, buildResult({ scheduledAt: at }), { decide: null })),
    );
    const seen: number[] = [];
    let cursor: string | undefined;
    do {
      const page = await db.history().list(target.id, { limit: 10, cursor });
      seen.push(...page.items.map(({ scheduledAt }) => scheduledAt));
      await checks.record([
        toRecord(target, buildResult({ scheduledAt: now + seen.length }), { decide: null }),
      ]);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual(slots);
  });

  it('filters by time and outcome', async () => {
    const target = await db.create();
    await checks.record(
      [buildResult({ scheduledAt: now }), buildFailure({ scheduledAt: now - 1_000 })].map((result) =>
        toRecord(target, result, { decide: null }),
      ),
    );
    const ours = buildFailure({ scheduledAt: now - 2_000, failureClass: 'monitor' });
    await checks.record([toRecord(target, ours, { decide: null })]);
    const history = db.history();
    expect((await history.list(target.id, { limit: 10, ok: true })).items).toHaveLength(1);
    expect((await history.list(target.id, { limit: 10, ok: false })).items).toHaveLength(2);
    expect((await history.list(target.id, { limit: 10, from: new Date(now) })).items).toHaveLength(1);
    expect((await history.list(target.id, { limit: 10, to: new Date(now) })).items).toHaveLength(2);
  });
});

describe('HttpTargetRepository', () => {
  it('keeps headers and bodies unreadable in the table', async () => {
    const target = await db.create({
      headers: { authorization: 'Bearer s3cret' },
      body: 's3cret too',
      method: 'POST',
    });
    const { rows } = await sql<{ row: string }>`
      select encode(headers_encrypted, 'escape') || encode(body_encrypted, 'escape') || t::text as row
      from http_targets t where id = ${target.id}
    `.execute(db.orm.em.fork().getKysely<object>());
    expect(rows[0]?.row).not.toContain('s3cret');
    expect(await db.targets().find(target.id)).toMatchObject({ headers: { authorization: 'Bearer s3cret' } });
  });

  it('refuses one of two changes to the same URL at once', async () => {
    const [a, b] = [await db.create(), await db.create()];
    const wanted = buildDefinition().url;
    const outcomes = await Promise.allSettled(
      [a, b].map(({ id }) => db.targets().update(id, (current) => ({ ...current, url: wanted }))),
    );
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const refused = outcomes.find((outcome) => outcome.status === 'rejected');
    expect(refused?.reason).toMatchObject({ name: 'UrlTakenError' });
  });

  it('makes a new version of what matters to checks, and none of a new name', async () => {
    const target = await db.create();
    const renamed = await db
      .targets()
      .update(target.id, (current) => ({ ...current, name: 'other', tags: ['x'] }));
    expect(renamed?.after).toMatchObject({ name: 'other', tags: ['x'], version: 1 });
    const changed = await db.targets().update(target.id, (current) => ({ ...current, headers: { a: 'b' } }));
    expect(changed?.after.version).toBe(2);
  });
});

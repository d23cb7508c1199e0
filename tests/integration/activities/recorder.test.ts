import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Recorder } from '../../../src/activities/recorder.ts';
import { createOrm } from '../../../src/db/orm.ts';
import { CheckRepository } from '../../../src/db/repositories/checks.ts';
import type { CheckToRecord } from '../../../src/db/repositories/checkToRecord.ts';
import type { Target } from '../../../src/db/repositories/httpTargetRow.ts';
import { buildResult } from '../../support/buildCheck.ts';
import { Network } from '../../support/network.ts';
import { openTargetDatabase, type TargetDatabase } from '../../support/targets.ts';
import { until } from '../../support/until.ts';

let db: TargetDatabase;
let network: Network;
let recorder: Recorder;
let errors: unknown[];
let commits: number[];
let closeOrm: () => Promise<void>;
let target: Target;

beforeEach(async () => {
  db = await openTargetDatabase();
  target = await db.create();
  network = new Network(new URL(db.url));
  const through = new URL(db.url);
  through.port = String(await network.listen());
  const orm = createOrm({
    url: through.href,
    applicationName: 'recorder',
    poolSize: 2,
    statementTimeoutMs: 500,
  });
  closeOrm = () => orm.close();
  const checks = new CheckRepository(orm.em.fork());
  errors = [];
  commits = [];
  recorder = new Recorder({
    checks: {
      record: (group) => {
        commits.push(group.length);
        return checks.record(group);
      },
    },
    onError: (error) => errors.push(error),
  });
});

afterEach(async () => {
  network.isSilent = false;
  await closeOrm();
  await network.close();
  await db.close();
});

function check(slot: number, overrides: Partial<CheckToRecord> = {}): CheckToRecord {
  return {
    targetId: target.id,
    version: 1,
    watch: 'beside',
    decide: null,
    result: buildResult({ scheduledAt: slot }),
    ...overrides,
  };
}

const now = Date.now();

describe('Recorder', () => {
  it('writes what arrives together in one transaction', async () => {
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => recorder.record(check(now + index))),
    );
    expect(answers.every((answer) => answer?.kind === 'recorded')).toBe(true);
    expect(commits).toEqual([200]);
  });

  it('answers within 300 ms when Postgres hangs, and writes again when it is back', async () => {
    expect(await recorder.record(check(now))).toMatchObject({ kind: 'recorded' });
    network.isSilent = true;
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => recorder.record(check(now + 1 + index))),
    );
    expect(answers).toEqual(new Array(20).fill(null));
    network.isSilent = false;
    // The connection that lost its answer is thrown away, so this needs no restart.
    await until(async () => (await recorder.record(check(now + 1))) !== null, {
      what: 'a commit after the hang',
    });
    expect((await db.history().list(target.id, { limit: 50 })).items.length).toBeGreaterThanOrEqual(2);
  });

  it('says at once that nothing was written when the connections are cut, and reconnects', async () => {
    await recorder.record(check(now));
    const pending = recorder.record(check(now + 1));
    network.cut();
    const answer = await pending;
    if (answer === null) expect(errors.length).toBeGreaterThan(0);
    await until(async () => (await recorder.record(check(now + 1))) !== null, {
      what: 'a commit after the cut',
    });
    expect((await db.history().list(target.id, { limit: 10 })).items).toHaveLength(2);
  });

  it('stores the others when Postgres refuses one of a group', async () => {
    const poisoned = check(now, { targetId: 'no uuid at all' });
    const answers = await Promise.all([
      recorder.record(check(now + 1)),
      recorder.record(poisoned),
      recorder.record(check(now + 2)),
    ]);
    expect(answers.map((answer) => answer?.kind ?? null)).toEqual(['recorded', null, 'recorded']);
  });
});

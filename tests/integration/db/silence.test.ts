import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { createOrm } from '../../../src/db/orm.ts';
import { SilenceRepository } from '../../../src/db/repositories/silence.ts';
import { inTransaction } from '../../../src/db/transaction.ts';
import type { HeartbeatJudgement } from '../../../src/domain/heartbeat.ts';
import { openMachineDatabase, type MachineDatabase } from '../../support/machineRows.ts';

const open: MachineDatabase[] = [];
let db: MachineDatabase;

beforeEach(async () => {
  db = await openMachineDatabase();
  open.push(db);
  await db.setPulse(0);
});
afterAll(() => Promise.all(open.map((database) => database.close())));

function silence(): SilenceRepository {
  return new SilenceRepository(db.orm.em.fork());
}

async function judgementOf(id: string): Promise<HeartbeatJudgement | undefined> {
  return (await silence().judgements([id])).get(id);
}

async function statusAfterJudgement(id: string): Promise<string> {
  await silence().judgeAll();
  return (await db.state(id)).status;
}

describe('SilenceRepository, of machines that may be silent for 5 minutes', () => {
  it('turns those down that were silent for longer, and writes one transition', async () => {
    const [silent, living] = [
      await db.create({ seenSecondsAgo: 301, episode: 3 }),
      await db.create({ seenSecondsAgo: 299 }),
    ];
    expect(await silence().judgeAll()).toHaveLength(1);
    expect(await db.state(silent)).toEqual({ status: 'down', episode: 4 });
    expect(await db.transitions(silent)).toEqual([{ episode: 4, from_status: 'up', to_status: 'down' }]);
    expect(await db.state(living)).toEqual({ status: 'up', episode: 0 });
    expect(await db.transitions(living)).toEqual([]);
    expect(await silence().judgeAll()).toHaveLength(0);
  });

  it('decides once, however many ask at the same time', async () => {
    const machines = await Promise.all(Array.from({ length: 50 }, () => db.create({ seenSecondsAgo: 400 })));
    const found = await Promise.all(Array.from({ length: 10 }, () => silence().judgeAll()));
    expect(found.flat().sort()).toEqual(machines.toSorted());
    for (const id of machines) {
      expect(await db.transitions(id)).toHaveLength(1);
      expect(await db.state(id)).toEqual({ status: 'down', episode: 1 });
    }
  });

  it('goes by the threshold of each client, also a new one', async () => {
    const [patient, strict] = [await db.createClient(60), await db.createClient(1)];
    const [spared, found] = [
      await db.create({ clientId: patient, seenSecondsAgo: 400 }),
      await db.create({ clientId: strict, seenSecondsAgo: 61 }),
    ];
    expect(await silence().judgeAll()).toHaveLength(1);
    expect((await db.state(found)).status).toBe('down');
    await db.execute(
      sql`update client_settings set heartbeat_threshold_minutes = 6 where client_id = ${patient}`,
    );
    expect(await statusAfterJudgement(spared)).toBe('down');
  });

  it('judges who was resumed and has not reported since, from then on', async () => {
    const id = await db.create({ seenSecondsAgo: 800, status: 'unknown' });
    const resumed = (secondsAgo: number) =>
      db.execute(
        sql`update machine_states set last_state_change_at = now() - ${secondsAgo} * interval '1 second'`,
      );
    await resumed(299);
    expect(await statusAfterJudgement(id)).toBe('unknown');
    await resumed(301);
    expect(await statusAfterJudgement(id)).toBe('down');
  });

  it('judges nobody who is paused, deleted, down, or never reported', async () => {
    await db.create({ seenSecondsAgo: 400, isPaused: true });
    await db.create({ seenSecondsAgo: 400, status: 'paused' });
    await db.create({ seenSecondsAgo: 400, isDeleted: true });
    await db.create({ seenSecondsAgo: 400, status: 'down' });
    await db.create({ seenSecondsAgo: null, status: 'unknown' });
    await db.create({ seenSecondsAgo: null, status: 'up' });
    expect(await silence().judgeAll()).toHaveLength(0);
  });

  it('leaves a machine alone that ingest is just marking as seen', async () => {
    const id = await db.create({ seenSecondsAgo: 400 });
    await inTransaction(db.orm.em.fork(), async (transaction) => {
      await sql`update machine_states set last_seen_at = now()`.execute(transaction);
      expect(await silence().judgeAll()).toHaveLength(0);
    });
    expect(await statusAfterJudgement(id)).toBe('up');
  });

  it('says how much time remains, by the clock of Postgres', async () => {
    const judged = await judgementOf(await db.create({ hostname: 'web-1', seenSecondsAgo: 120, episode: 2 }));
    if (judged?.kind !== 'known') throw new Error('not known');
    expect(judged.remainingMs).toBeGreaterThan(179_000);
    expect(judged.remainingMs).toBeLessThanOrEqual(180_000);
    expect(judged.schedule).toEqual({ version: 1, hostname: 'web-1', isActive: true, thresholdSeconds: 300 });
    expect(judged.state).toMatchObject({ status: 'up', episode: 2 });
  });

  it('knows deleted machines from those without a row', async () => {
    const deleted = await db.create({ isDeleted: true });
    expect(await judgementOf(deleted)).toEqual({ kind: 'deleted' });
    expect(await judgementOf(crypto.randomUUID())).toBeUndefined();
  });

  it('shows a resumed machine as unknown until it reports, whatever its row says', async () => {
    const [resumed, paused] = [
      await db.create({ status: 'paused' }),
      await db.create({ status: 'up', isPaused: true }),
    ];
    expect(await judgementOf(resumed)).toMatchObject({ state: { status: 'unknown' } });
    expect(await judgementOf(paused)).toMatchObject({
      state: { status: 'paused' },
      schedule: { isActive: false },
    });
  });
});

describe('SilenceRepository, of outages of ingest', () => {
  it('judges nobody whose deadline came after the last pulse', async () => {
    const [before, after] = [
      await db.create({ seenSecondsAgo: 320 }),
      await db.create({ seenSecondsAgo: 310 }),
    ];
    await db.setPulse(15); // the deadlines were 20 and 10 s ago
    expect(await silence().judgeAll()).toHaveLength(1);
    expect((await db.state(before)).status).toBe('down');
    expect((await db.state(after)).status).toBe('up');
    expect(await judgementOf(after)).toEqual({ kind: 'ingestAway' });
  });

  it('asks for patience while the pulse after the deadline is merely not there yet', async () => {
    const id = await db.create({ seenSecondsAgo: 301 });
    await db.setPulse(2);
    expect(await statusAfterJudgement(id)).toBe('up');
    const judged = await judgementOf(id);
    if (judged?.kind !== 'known') throw new Error('not known');
    expect(judged.remainingMs).toBeLessThanOrEqual(0);
  });

  it('gives the time of an outage back', async () => {
    const id = await db.create({ seenSecondsAgo: 800 });
    await db.addOutage(750, 150); // 200 s without outages so far
    expect(await statusAfterJudgement(id)).toBe('up');
    await db.setSeen(id, 901);
    expect(await statusAfterJudgement(id)).toBe('down');
  });

  it('gives everybody two minutes after an outage, however late they are', async () => {
    const id = await db.create({ seenSecondsAgo: 1_000 });
    await db.addOutage(710, 119); // 290 s of silence were over before it
    expect(await statusAfterJudgement(id)).toBe('up');
    await db.execute(sql`update ingest_outages set ended_at = ended_at - interval '2 seconds'`);
    expect(await statusAfterJudgement(id)).toBe('down');
  });

  it('gives machines of a strict client as long after an outage', async () => {
    const id = await db.create({ clientId: await db.createClient(1), seenSecondsAgo: 500 });
    await db.addOutage(445, 119);
    expect(await statusAfterJudgement(id)).toBe('up');
    await db.execute(sql`update ingest_outages set ended_at = ended_at - interval '2 seconds'`);
    expect(await statusAfterJudgement(id)).toBe('down');
  });

  it('forgets outages from before the last report', async () => {
    const id = await db.create({ seenSecondsAgo: 301 });
    await db.addOutage(1_000, 302);
    expect(await statusAfterJudgement(id)).toBe('down');
  });
});

describe('SilenceRepository, of thousands of machines', () => {
  /** How often Postgres has worked a deadline out, which costs microseconds each time. */
  async function deadlinesOf(judge: (counted: SilenceRepository) => Promise<unknown>): Promise<number> {
    await db.execute(sql`
      do $$ begin execute format('alter database %I set track_functions = "all"', current_database()); end $$
    `);
    const orm = createOrm({ url: db.url, applicationName: 'counted', poolSize: 1 });
    try {
      await judge(new SilenceRepository(orm.em.fork()));
      const counting = orm.em.fork().getKysely<object>();
      await sql`select pg_stat_force_next_flush()`.execute(counting);
      const { rows } = await sql<{ calls: number }>`
        select coalesce(sum(calls), 0)::int as calls from pg_stat_user_functions where funcname = 'heartbeat_deadline'
      `.execute(counting);
      return rows[0]?.calls ?? 0;
    } finally {
      await orm.close();
    }
  }

  beforeEach(() =>
    db.execute(sql`
      with m as (
        insert into machines (id, client_id, hostname)
        select gen_random_uuid(), (select id from clients limit 1), n from generate_series(1, 5000) n returning key
      )
      insert into machine_states (machine_key, status, last_seen_at)
      select key, 'up', now() - key % 30 * interval '1 second' from m
    `),
  );

  it('works no deadline out while all of them report, nor while they come back after an outage', async () => {
    expect(await deadlinesOf((counted) => counted.judgeAll())).toBe(0);
    await db.execute(sql`update machine_states set last_seen_at = now() - interval '1 hour'`);
    await db.addOutage(3_600, 119);
    expect(await deadlinesOf((counted) => counted.judgeAll())).toBe(0);
    await db.execute(sql`update ingest_outages set ended_at = ended_at - interval '2 seconds'`);
    expect(await deadlinesOf((counted) => counted.judgeAll())).toBeGreaterThanOrEqual(5_000);
  });

  it('finds 2,000 that fall silent together in one statement', async () => {
    await db.execute(sql`
      update machine_states set last_seen_at = now() - interval '301 seconds'
      where machine_key in (select key from machines limit 2000)
    `);
    expect(await silence().judgeAll()).toHaveLength(2_000);
    const { rows } = await sql<{ count: number }>`
      select count(distinct machine_key)::int as count from machine_transitions
    `.execute(db.orm.em.fork().getKysely<object>());
    expect(rows).toEqual([{ count: 2_000 }]);
  });
});

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { MikroORM } from '@mikro-orm/postgresql';
import { beatPulse } from '../../../src/api/ingest/beatPulse.ts';
import { IngestHealth } from '../../../src/api/ingest/ingestHealth.ts';
import { createOrm } from '../../../src/db/orm.ts';
import { IngestPulse } from '../../../src/db/repositories/ingestPulse.ts';
import { createTestDatabase, type TestDatabase } from '../../support/testDatabase.ts';
import { until } from '../../support/until.ts';

let database: TestDatabase;
let orm: MikroORM;
let observer: pg.Client;
beforeAll(async () => {
  database = await createTestDatabase();
  orm = createOrm({ url: database.url, applicationName: 'pulse-tests', poolSize: 4 });
  observer = new pg.Client({ connectionString: database.url });
  await observer.connect();
});
afterAll(async () => {
  await observer.end();
  await orm.close();
  await database.drop();
});
beforeEach(async () => {
  await observer.query('delete from ingest_outages');
  await observer.query('update ingest_pulse set at = now()');
});

const beat = () => new IngestPulse(orm.em.fork()).beat();

async function outages(): Promise<number[]> {
  const { rows } = await observer.query<{ seconds: number }>(
    'select extract(epoch from ended_at - began_at)::float8 as seconds from ingest_outages order by began_at',
  );
  return rows.map(({ seconds }) => Math.round(seconds));
}

describe('the pulse of ingest', () => {
  it('should note nothing while it beats', async () => {
    await beat();
    await observer.query(`update ingest_pulse set at = now() - interval '9 seconds'`);
    await beat();
    expect(await outages()).toEqual([]);
  });

  it('should note an outage once, however many processes come back at the same time', async () => {
    await observer.query(`update ingest_pulse set at = now() - interval '10 minutes'`);
    await Promise.all([beat(), beat(), beat(), beat()]);
    expect(await outages()).toEqual([600]);
  });

  it('should never go back', async () => {
    await observer.query(`update ingest_pulse set at = now() + interval '1 hour'`);
    await beat();
    const { rows } = await observer.query('select from ingest_pulse where at > now()');
    expect(rows).toHaveLength(1);
    await observer.query('update ingest_pulse set at = now()');
  });

  it('should go on by itself, and end when the process takes no more posts', async () => {
    const stop = new AbortController();
    await observer.query(`update ingest_pulse set at = now() - interval '1 minute'`);
    const faults: unknown[] = [];
    const health = new IngestHealth({ now: () => Date.now() - 360_000 });
    let isAway = true;
    const pulse = {
      beat: () => {
        if (!isAway) return beat();
        isAway = false;
        return Promise.reject(new Error('away'));
      },
    };
    const beating = beatPulse({ pulse, health, signal: stop.signal, onFault: (error) => faults.push(error) });
    await until(async () => (await outages()).length === 1, { what: 'the outage is noted' });
    stop.abort();
    await beating;
    expect(faults).toHaveLength(1);
    expect(Math.abs(health.now() - Date.now())).toBeLessThan(10_000);
    expect((await outages())[0]).toBeGreaterThanOrEqual(60);
  });

  it('should rest while posts cannot be stored, and go on when they can', async () => {
    const stop = new AbortController();
    let now = Date.now();
    const health = new IngestHealth({ now: () => now });
    let beats = 0;
    const pulse = { beat: () => Promise.resolve((beats += 1)) };
    const faults: unknown[] = [];
    health.failed();
    const beating = beatPulse({ pulse, health, signal: stop.signal, onFault: (error) => faults.push(error) });
    await until(() => faults.length === 1, { what: 'it has noticed' });
    expect(beats).toBe(0);
    health.committed();
    await until(() => beats > 0, { what: 'a beat' });
    health.failed();
    now += 91_000;
    const before = beats;
    await until(() => beats > before, { what: 'a beat although nobody posts any more' });
    stop.abort();
    await beating;
  });

  it('should move the deadline of a machine by the time in which it could not report', async () => {
    const deadline = async (lastSeen: string, threshold: string) => {
      const { rows } = await observer.query<{ seconds: number }>(
        `select extract(epoch from heartbeat_deadline(now() - $1::interval, $2::interval) - now())::float8 as seconds`,
        [lastSeen, threshold],
      );
      return Math.round(rows[0]?.seconds ?? Number.NaN);
    };
    expect(await deadline('1 minute', '5 minutes')).toBe(240);
    await observer.query(
      `insert into ingest_outages values (now() - interval '20 minutes', now() - interval '10 minutes')`,
    );
    // Seen a minute before the outage: four minutes are left from its end.
    expect(await deadline('21 minutes', '5 minutes')).toBe(-6 * 60);
    // Seen just before its deadline: time to come back.
    expect(await deadline('25 minutes', '5 minutes')).toBe(-8 * 60);
    expect(await deadline('25 minutes', '1 minute')).toBe(-8 * 60);
    // Seen since: the outage is none of its.
    expect(await deadline('9 minutes', '5 minutes')).toBe(-4 * 60);
  });
});

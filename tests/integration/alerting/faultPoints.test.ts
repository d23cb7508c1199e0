import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { sql } from 'kysely';
import pLimit from 'p-limit';
import { FAULT_POINTS, type FaultPoint } from '../../../src/faultPoints.ts';
import { checkNowUpdate } from '../../../src/workflows/messages.ts';
import { until } from '../../support/until.ts';
import { startWorkerProcess, type WorkerProcess } from '../../support/workerProcess.ts';
import { openWorkerSurroundings, type WorkerSurroundings } from '../../support/workerSurroundings.ts';

jest.setTimeout(400_000);

/** Two workers are started for each point, one after the other. */
const POINTS_AT_ONCE = 3;
const POLLING_WITHIN_MS = 60_000;
const HOOK = '/hook';

interface Aftermath {
  /** What the first worker died of. */
  readonly exitCode: number | null;
  readonly alerts: readonly { source: string; status: string; incident_id: string | null }[];
  readonly incidents: readonly { status: string; alerts_count: number }[];
  /** Bodies of the messages that the channel got. */
  readonly messages: readonly string[];
  readonly ledger: readonly { status: string; attempts: number; is_possible_duplicate: boolean }[];
}

const REPEATED = /may be a repeat/i;

async function startWorker(surroundings: WorkerSurroundings, name: string, env = {}): Promise<WorkerProcess> {
  const worker = await startWorkerProcess(name, {
    ...surroundings.env,
    SLACK_WEBHOOK_URL: `${surroundings.farm.origin}${HOOK}`,
    ...env,
  });
  await until(() => worker.log().includes('worker is polling'), {
    ...{ withinMs: POLLING_WITHIN_MS, what: `a polling worker that is to die ${name}` },
  });
  return worker;
}

/** A target breaks, the worker is killed at the point, and another one is started. */
async function dieAt(point: FaultPoint): Promise<Aftermath> {
  const surroundings = await openWorkerSurroundings();
  const { db, farm, workflows, handleOf } = surroundings;
  const query = <T>(statement: ReturnType<typeof sql<T>>) =>
    statement.execute(db.orm.em.fork().getKysely<object>());
  const workers: WorkerProcess[] = [];
  try {
    await query(sql`update client_settings set alert_grouping_enabled = false, consecutive_failures_threshold = 1,
      notification_email = null`);
    const dying = await startWorker(surroundings, `at-${point}`, { FAULT_POINT: point });
    workers.push(dying);
    const target = await surroundings.createTarget();
    await workflows.start({ target, failureThreshold: 1 });
    const path = new URL(target.url).pathname;
    await until(async () => (await statusOf(surroundings)) === 'up', { what: 'a first check' });
    farm.answer(path, 500);
    // Whoever asks is not answered: the worker dies. The slots come as well.
    const asked = handleOf(target).executeUpdate(checkNowUpdate, { updateId: crypto.randomUUID() });
    asked.catch(() => undefined); // what becomes of it is seen in the rows
    const exitCode = await dying.exited;
    workers.push(await startWorker(surroundings, `after-${point}`));
    await until(async () => (await ledgerOf(surroundings)).some(({ status }) => status === 'success'), {
      ...{ withinMs: 60_000, what: 'a message that was sent' },
    });
    // Whatever would be sent or opened twice is sent or opened by the next two checks.
    const checks = farm.requests(path).length;
    await until(() => farm.requests(path).length >= checks + 2, {
      what: 'two checks',
    });
    const alerts = await query(
      sql<Aftermath['alerts'][number]>`select source, status, incident_id from alerts`,
    );
    const incidents = await query(
      sql<Aftermath['incidents'][number]>`select status, alerts_count from incidents`,
    );
    return {
      exitCode,
      alerts: alerts.rows,
      incidents: incidents.rows,
      messages: farm.requests(HOOK).map(({ body }) => body()),
      ledger: await ledgerOf(surroundings),
    };
  } finally {
    await Promise.all(workers.map((worker) => worker.kill()));
    await surroundings.close();
  }
}

async function statusOf({ db }: WorkerSurroundings): Promise<string | undefined> {
  const { rows } = await sql<{ status: string }>`select status from http_target_states`.execute(
    db.orm.em.fork().getKysely<object>(),
  );
  return rows[0]?.status;
}

async function ledgerOf({ db }: WorkerSurroundings): Promise<Aftermath['ledger']> {
  const { rows } = await sql<Aftermath['ledger'][number]>`
    select status, attempts, is_possible_duplicate from notifications
  `.execute(db.orm.em.fork().getKysely<object>());
  return rows;
}

describe('a worker that is killed between a failing check and its message', () => {
  const aftermaths = new Map<FaultPoint, Promise<Aftermath>>();

  beforeAll(() => {
    const limit = pLimit(POINTS_AT_ONCE);
    for (const point of FAULT_POINTS) {
      const aftermath = limit(() => dieAt(point));
      aftermath.catch(() => undefined); // its own test says so
      aftermaths.set(point, aftermath);
    }
  });
  afterAll(() => Promise.allSettled(aftermaths.values()));

  async function aftermathOf(point: FaultPoint): Promise<Aftermath> {
    const aftermath = await aftermaths.get(point);
    if (aftermath === undefined) throw new Error(`nobody died at ${point}`);
    return aftermath;
  }

  it.each(FAULT_POINTS)('leaves one alert, one incident and its message: %s', async (point) => {
    const { exitCode, alerts, incidents, messages, ledger } = await aftermathOf(point);
    expect(exitCode).toBeNull();
    expect(alerts).toEqual([{ source: 'http_target', status: 'firing', incident_id: expect.any(String) }]);
    expect(incidents).toEqual([{ status: 'open', alerts_count: 1 }]);
    expect(ledger).toHaveLength(1);
    expect(ledger[0]).toMatchObject({ status: 'success' });
    const isSentTwice = point === 'delivery.sent';
    expect(messages).toHaveLength(isSentTwice ? 2 : 1);
  });

  it('marks a message as possibly repeated where the ledger cannot know, and nowhere else', async () => {
    for (const point of FAULT_POINTS) {
      const { messages, ledger } = await aftermathOf(point);
      const mayBeRepeated = point === 'delivery.sent' || point === 'delivery.beforeSend';
      expect({ point, marked: ledger[0]?.is_possible_duplicate }).toEqual({ point, marked: mayBeRepeated });
      expect({ point, last: REPEATED.test(messages.at(-1) ?? '') }).toEqual({ point, last: mayBeRepeated });
    }
  });
});

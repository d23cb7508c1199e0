import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { sql } from 'kysely';
import { WorkerLease } from '../../../src/activities/watch/workerLease.ts';
import { WorkerRepository, type WorkerIdentity } from '../../../src/db/repositories/workers.ts';
import { openTargetDatabase, type TargetDatabase } from '../../support/targets.ts';

/** A lease, by its own rules; see workerLease.ts. */
const LEASE_MS = 10_000;

let db: TargetDatabase;
let workers: WorkerRepository;
let monotonic = 0;

beforeAll(async () => {
  db = await openTargetDatabase();
  workers = new WorkerRepository(db.orm.em.fork());
});

beforeEach(async () => {
  await sql`delete from workers`.execute(db.orm.em.fork().getKysely<object>());
  jest.spyOn(performance, 'now').mockImplementation(() => monotonic);
});

afterEach(() => {
  jest.restoreAllMocks();
});
afterAll(() => db.close());

function identity(name: string, host = name): WorkerIdentity {
  return { id: crypto.randomUUID(), name, host, pid: process.pid };
}

function leaseOf(worker: WorkerIdentity, onLeaseLost = () => Promise.resolve()): WorkerLease {
  return new WorkerLease({
    host: { isStopped: false, all: () => [], adopt: unreachable, letGo: unreachable },
    watches: { claimFree: () => Promise.resolve([]), release: () => Promise.resolve() },
    ...{ worker, workers, onLeaseLost },
  });
}

function unreachable(): never {
  throw new Error('there is nothing to take or to give');
}

/** Rounds that follow each other as long as a worker lives. */
async function live(lease: WorkerLease, ms: number): Promise<void> {
  for (let end = monotonic + ms; monotonic < end;) {
    monotonic = Math.min(end, monotonic + 3_000);
    await lease.round();
  }
}

async function names(): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`select name from workers order by name`.execute(
    db.orm.em.fork().getKysely<object>(),
  );
  return rows.map(({ name }) => name);
}

/** A worker whose lease has run out. */
async function expired(name: string): Promise<WorkerIdentity> {
  const worker = identity(name);
  await workers.renew(worker, -1);
  return worker;
}

describe('#WorkerLease', () => {
  it('removes a worker whose lease has run out', async () => {
    const lease = leaseOf(identity('a'));
    await live(lease, LEASE_MS + 3_000);
    await expired('b');
    await lease.round();
    expect(await names()).toEqual(['a']);
  });

  it('gives others the time of a lease to come back when it was away itself', async () => {
    const lease = leaseOf(identity('a'));
    await live(lease, LEASE_MS + 3_000);
    monotonic += 60_000; // Postgres was away
    await expired('b');
    await lease.round();
    await live(lease, LEASE_MS - 1_000);
    expect(await names()).toEqual(['a', 'b']);
    await live(lease, 1_000);
    expect(await names()).toEqual(['a']);
  });

  it('judges nobody when it has just begun, or was taken for dead', async () => {
    const lost = jest.fn(() => Promise.resolve());
    const worker = identity('a');
    const lease = leaseOf(worker, lost);
    await expired('b');
    await lease.round();
    expect(await names()).toEqual(['a', 'b']);
    await live(lease, LEASE_MS);
    expect(await names()).toEqual(['a']);
    await workers.remove([worker.id]);
    await expired('c');
    await lease.round();
    expect(await names()).toEqual(['a', 'c']);
    expect(lost).toHaveBeenCalledTimes(1);
  });

  it('does not wait for the lease of a process of its own host that is gone', async () => {
    const lease = leaseOf(identity('a', 'here'));
    const gone = { ...identity('b', 'here'), pid: 2 ** 22 + 1 };
    await workers.renew(gone, LEASE_MS);
    await workers.renew({ ...gone, id: crypto.randomUUID(), name: 'c', host: 'elsewhere' }, LEASE_MS);
    await workers.renew({ ...identity('d', 'here'), pid: process.ppid }, LEASE_MS);
    await lease.round();
    expect(await names()).toEqual(['a', 'c', 'd']);
  });
});

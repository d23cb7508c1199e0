import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import {
  sweepHeartbeats,
  type MachineWorkflowDirectory,
  type RunningMachine,
} from '../../../src/activities/sweepHeartbeats.ts';
import { SilenceRepository } from '../../../src/db/repositories/silence.ts';
import { WatchedMachineRepository } from '../../../src/db/repositories/watchedMachines.ts';
import type { WatchedMachine } from '../../../src/domain/heartbeat.ts';
import { openMachineDatabase, type MachineDatabase } from '../../support/machineRows.ts';

const OURS = 'this-installation';
const open: MachineDatabase[] = [];
let db: MachineDatabase;

beforeEach(async () => {
  db = await openMachineDatabase();
  open.push(db);
  await db.setPulse(0);
});
afterAll(() => Promise.all(open.map((database) => database.close())));

/** The running workflows as a list that the test writes, and what was done to them. */
class Directory implements MachineWorkflowDirectory {
  readonly started: WatchedMachine[] = [];
  readonly configured: WatchedMachine[] = [];
  readonly retired: string[] = [];
  broken: string | null = null;
  private readonly running: readonly RunningMachine[];

  constructor(running: readonly RunningMachine[]) {
    this.running = running;
  }

  async *listRunning(): AsyncIterable<RunningMachine> {
    for (const machine of this.running) yield await Promise.resolve(machine);
  }

  start(machine: WatchedMachine): Promise<boolean> {
    if (machine.machineId === this.broken) return Promise.reject(new Error('Temporal refuses this one'));
    this.started.push(machine);
    return Promise.resolve(true);
  }

  configure(machine: WatchedMachine): Promise<void> {
    this.configured.push(machine);
    return Promise.resolve();
  }

  retire(id: string): Promise<void> {
    this.retired.push(id);
    return Promise.resolve();
  }
}

function running(id: string, overrides: Partial<RunningMachine> = {}): RunningMachine {
  return { id, installationId: OURS, version: 1, hostname: id, episode: 0, status: 'UP', ...overrides };
}

function sweepWith(workflows: Directory, force = false) {
  const em = db.orm.em.fork();
  return sweepHeartbeats(
    {
      silence: new SilenceRepository(em),
      watchedMachines: new WatchedMachineRepository(em),
      workflows,
      installationId: OURS,
      progress: () => undefined,
      onFault: () => undefined,
    },
    { force },
  );
}

describe('#sweepHeartbeats', () => {
  it('finds who is silent, starts what is missing with what Postgres knows, and leaves alone what runs', async () => {
    const [silent, living] = [await db.create({ seenSecondsAgo: 400 }), await db.create()];
    const directory = new Directory([running(living)]);
    expect(await sweepWith(directory)).toEqual({
      ...{ machines: 2, silent: 1, started: 1, configured: 0, retired: 0, failed: 0, refused: 0 },
    });
    expect(directory.started).toMatchObject([
      { machineId: silent, state: { status: 'down', episode: 1 }, schedule: { thresholdSeconds: 300 } },
    ]);
  });

  it('hands on a new version and a new name', async () => {
    const [changed, renamed, same] = [await db.create(), await db.create(), await db.create()];
    await db.execute(sql`update machines set version = 2 where id = ${changed}`);
    const directory = new Directory([running(changed), running(renamed, { hostname: 'old' }), running(same)]);
    expect(await sweepWith(directory)).toMatchObject({ configured: 2 });
    expect(directory.configured.map(({ machineId }) => machineId).sort()).toEqual([changed, renamed].sort());
  });

  it('tells of a change of status that a workflow has not heard of within a minute', async () => {
    const [old, fresh] = [
      await db.create({ status: 'down', episode: 1 }),
      await db.create({ status: 'down', episode: 1 }),
    ];
    await db.execute(sql`
      update machine_states set last_state_change_at = now() - interval '30 seconds'
      where machine_key = (select key from machines where id = ${fresh})
    `);
    const directory = new Directory([running(old), running(fresh)]);
    await sweepWith(directory);
    expect(directory.configured).toMatchObject([{ machineId: old, state: { status: 'down' } }]);
  });

  it('tells of an episode that a workflow has missed', async () => {
    const id = await db.create({ status: 'down', episode: 2 });
    const directory = new Directory([running(id, { status: 'DOWN', episode: 1 })]);
    expect(await sweepWith(directory)).toMatchObject({ configured: 1 });
  });

  it('tells a workflow that its machine is paused', async () => {
    const id = await db.create({ isPaused: true });
    const directory = new Directory([running(id)]);
    await sweepWith(directory);
    expect(directory.configured).toMatchObject([
      { state: { status: 'paused' }, schedule: { isActive: false } },
    ]);
  });

  it('brings all others in line when one machine cannot be', async () => {
    const machines = [await db.create(), await db.create(), await db.create()];
    const directory = new Directory([]);
    directory.broken = machines[1] ?? null;
    expect(await sweepWith(directory)).toMatchObject({ machines: 3, started: 2, failed: 1 });
  });

  it('ends every workflow whose machine was deleted, and those without a row while they are few', async () => {
    const deleted = await db.create({ isDeleted: true });
    const strangers = Array.from({ length: 5 }, () => running(crypto.randomUUID()));
    const directory = new Directory([running(deleted), ...strangers]);
    expect(await sweepWith(directory)).toMatchObject({ retired: 1, refused: 5 });
    expect(directory.retired).toEqual([deleted]);
    expect(await sweepWith(directory, true)).toMatchObject({ retired: 6, refused: 0 });
  });

  it('never touches the workflows of another installation, forced or not', async () => {
    const directory = new Directory([running(crypto.randomUUID(), { installationId: 'another' })]);
    expect(await sweepWith(directory, true)).toMatchObject({ retired: 0, refused: 0 });
  });

  it('reads more than a page of machines', async () => {
    await db.execute(sql`
      insert into machines (id, client_id, hostname)
      select gen_random_uuid(), (select id from clients limit 1), n from generate_series(1, 1001) n
    `);
    const directory = new Directory([]);
    expect(await sweepWith(directory)).toMatchObject({ machines: 1_001, started: 1_001 });
    expect(new Set(directory.started.map(({ machineId }) => machineId)).size).toBe(1_001);
  });
});

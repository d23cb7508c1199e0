import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sql, type RawBuilder } from 'kysely';
import {
  reconcileTargets,
  type RunningTarget,
  type TargetWorkflowDirectory,
} from '../../../src/activities/reconcileTargets.ts';
import type { Target } from '../../../src/db/repositories/httpTargetRow.ts';
import { WatchedTargetRepository } from '../../../src/db/repositories/watchedTargets.ts';
import { WatchRepository } from '../../../src/db/repositories/watches.ts';
import { WorkerRepository } from '../../../src/db/repositories/workers.ts';
import { openTargetDatabase, TEST_SECRETS, type TargetDatabase } from '../../support/targets.ts';

const OURS = 'this-installation';
const open: TargetDatabase[] = [];
let db: TargetDatabase;

beforeEach(async () => {
  db = await openTargetDatabase();
  open.push(db);
});
afterAll(() => Promise.all(open.map((database) => database.close())));

/** The running workflows as a list that the test writes, and what was done to them. */
class Directory implements TargetWorkflowDirectory {
  readonly started: string[] = [];
  readonly configured: string[] = [];
  readonly retired: string[] = [];
  readonly toldOfLostWatch: string[] = [];
  broken: string | null = null;
  private readonly running: readonly RunningTarget[];

  constructor(running: readonly RunningTarget[]) {
    this.running = running;
  }

  async *listRunning(): AsyncIterable<RunningTarget> {
    for (const target of this.running) yield await Promise.resolve(target);
  }

  start(id: string): Promise<boolean> {
    if (id === this.broken) return Promise.reject(new Error('Temporal refuses this one'));
    this.started.push(id);
    return Promise.resolve(true);
  }

  configure(id: string): Promise<void> {
    this.configured.push(id);
    return Promise.resolve();
  }

  retire(id: string): Promise<void> {
    this.retired.push(id);
    return Promise.resolve();
  }

  watchLost(id: string): Promise<void> {
    this.toldOfLostWatch.push(id);
    return Promise.resolve();
  }
}

function running(id: string, overrides: Partial<RunningTarget> = {}): RunningTarget {
  return { id, installationId: OURS, version: 1, name: 'shop', ...overrides };
}

function watchedTargets(): WatchedTargetRepository {
  return new WatchedTargetRepository(db.orm.em.fork(), TEST_SECRETS);
}

function reconcileWith(workflows: Directory, force = false) {
  return reconcileTargets(
    {
      watchedTargets: watchedTargets(),
      workflows,
      installationId: OURS,
      progress: () => undefined,
      onFault: () => undefined,
    },
    { force },
  );
}

describe('#reconcileTargets', () => {
  it('starts what is missing and leaves alone what runs', async () => {
    const [missing, present] = [await db.create(), await db.create()];
    const directory = new Directory([running(present.id)]);
    expect(await reconcileWith(directory)).toMatchObject({
      targets: 2,
      started: 1,
      configured: 0,
      retired: 0,
    });
    expect(directory.started).toEqual([missing.id]);
  });

  it('hands on a change whose signal was lost', async () => {
    const target = await db.create();
    await db.targets().update(target.id, (current) => ({ ...current, isActive: false }));
    const directory = new Directory([running(target.id)]);
    await reconcileWith(directory);
    expect(directory.configured).toEqual([target.id]);
  });

  it('hands on a new name that the workflow never heard of', async () => {
    const target = await db.create({ name: 'new' });
    const directory = new Directory([running(target.id, { name: 'old' })]);
    expect(await reconcileWith(directory)).toMatchObject({ configured: 1 });
  });

  it('brings all others in line when one target cannot be', async () => {
    const targets = await Promise.all([1, 2, 3].map(() => db.create()));
    const directory = new Directory([]);
    directory.broken = targets[1]?.id ?? null;
    expect(await reconcileWith(directory)).toMatchObject({ targets: 3, started: 2, failed: 1 });
  });

  it('ends every workflow whose row says that it was deleted', async () => {
    const targets = await Promise.all([1, 2, 3].map(() => db.create()));
    for (const { id } of targets) await db.targets().delete(id);
    const directory = new Directory(targets.map(({ id }) => running(id)));
    expect(await reconcileWith(directory)).toMatchObject({ retired: 3, refused: 0 });
  });

  it('refuses to end workflows without rows when they are more than a tenth: the database may be wrong', async () => {
    const strangers = Array.from({ length: 20 }, () => running(crypto.randomUUID()));
    const directory = new Directory(strangers);
    expect(await reconcileWith(directory)).toMatchObject({ retired: 0, refused: 20 });
    expect(directory.retired).toEqual([]);
    expect(await reconcileWith(directory, true)).toMatchObject({ retired: 20, refused: 0 });
  });

  it('ends a few workflows without rows among many that have one', async () => {
    const targets = await Promise.all(Array.from({ length: 19 }, () => db.create()));
    const stranger = running(crypto.randomUUID());
    const directory = new Directory([...targets.map(({ id }) => running(id)), stranger]);
    expect(await reconcileWith(directory)).toMatchObject({ started: 0, retired: 1, refused: 0 });
    expect(directory.retired).toEqual([stranger.id]);
  });

  it('never touches the workflows of another installation, forced or not', async () => {
    const directory = new Directory([running(crypto.randomUUID(), { installationId: 'another' })]);
    expect(await reconcileWith(directory, true)).toMatchObject({ retired: 0, refused: 0 });
  });
});

describe('#reconcileTargets, of watches that were lost', () => {
  const execute = (statement: RawBuilder<unknown>) => statement.execute(db.orm.em.fork().getKysely<object>());

  /** @returns its id */
  async function workerThatBegan(secondsAgo: number): Promise<string> {
    const worker = { id: crypto.randomUUID(), name: 'worker', host: 'here', pid: 1 };
    await new WorkerRepository(db.orm.em.fork()).renew(worker, 60_000);
    await execute(sql`
      update workers set started_at = now() - ${secondsAgo} * interval '1 second' where id = ${worker.id}
    `);
    return worker.id;
  }

  function watch({ id: targetId, version }: Target, workerId: string) {
    const watches = new WatchRepository(db.orm.em.fork(), watchedTargets());
    const taskToken = Buffer.from('token');
    const [firstSlot, until] = [Date.now(), Date.now() + 60_000];
    return watches.begin(workerId, { targetId, version, status: 'up', taskToken, firstSlot, until });
  }

  /** Of these targets, each checked every 60 s, the next check was due so long ago. */
  function overdue(targets: readonly Target[], seconds: number) {
    return execute(sql`
      update http_target_states s set next_check_at = now() - ${seconds} * interval '1 second'
      from http_targets t where t.key = s.target_key and t.id = any(${targets.map(({ id }) => id)}::uuid[])
    `);
  }

  function createTargets(count: number): Promise<Target[]> {
    return Promise.all(Array.from({ length: count }, () => db.create({ checkIntervalSeconds: 60 })));
  }

  it('tells the workflow of a target that is long overdue and that nobody watches', async () => {
    await workerThatBegan(600);
    const [lost, late] = await createTargets(2);
    if (lost === undefined || late === undefined) throw new Error('unreachable');
    await overdue([lost], 185);
    await overdue([late], 175); // two intervals and a minute are not over
    const directory = new Directory([running(lost.id), running(late.id)]);
    expect(await reconcileWith(directory)).toMatchObject({ watchesLost: 1, started: 0, failed: 0 });
    expect(directory.toldOfLostWatch).toEqual([lost.id]);
  });

  it('tells of a watch that no worker has, and not of one that a worker has', async () => {
    const [living, dead] = [await workerThatBegan(600), await workerThatBegan(600)];
    const [held, free] = await createTargets(2);
    if (held === undefined || free === undefined) throw new Error('unreachable');
    await watch(held, living);
    await watch(free, dead);
    await new WorkerRepository(db.orm.em.fork()).remove([dead]);
    await overdue([held, free], 600);
    const directory = new Directory([running(held.id), running(free.id)]);
    await reconcileWith(directory);
    expect(directory.toldOfLostWatch).toEqual([free.id]);
  });

  it('leaves alone what is not to be checked, and starts what does not run', async () => {
    await workerThatBegan(600);
    const [paused, deleted, missing] = await createTargets(3);
    if (paused === undefined || deleted === undefined || missing === undefined)
      throw new Error('unreachable');
    await db.targets().update(paused.id, (current) => ({ ...current, isActive: false }));
    await db.targets().delete(deleted.id);
    await overdue([paused, deleted, missing], 600);
    const directory = new Directory([running(paused.id, { version: 2 }), running(deleted.id)]);
    expect(await reconcileWith(directory)).toMatchObject({ watchesLost: 0, started: 1, retired: 1 });
    expect(directory.started).toEqual([missing.id]);
  });

  it('lets workers that have just begun catch up first', async () => {
    const targets = await createTargets(1);
    await overdue(targets, 3_600);
    const directory = new Directory(targets.map(({ id }) => running(id)));
    await workerThatBegan(240);
    expect(await reconcileWith(directory)).toMatchObject({ watchesLost: 0 });
    await workerThatBegan(360);
    expect(await reconcileWith(directory)).toMatchObject({ watchesLost: 1 });
  });

  it('lets workers whose leases have run out catch up first: all of them stood still', async () => {
    const targets = await createTargets(1);
    await overdue(targets, 3_600);
    await workerThatBegan(7_200);
    await execute(sql`update workers set lease_until = now() - interval '1 second'`);
    const directory = new Directory(targets.map(({ id }) => running(id)));
    expect(await reconcileWith(directory)).toMatchObject({ watchesLost: 0 });
  });

  it('tells 200 at a time, those first that have waited longest', async () => {
    await workerThatBegan(600);
    const targets = await createTargets(203);
    const longest = targets.slice(3);
    await overdue(targets, 600);
    await overdue(longest, 700);
    const directory = new Directory(targets.map(({ id }) => running(id)));
    expect(await reconcileWith(directory)).toMatchObject({ watchesLost: 200 });
    expect(directory.toldOfLostWatch.sort()).toEqual(longest.map(({ id }) => id).sort());
  });
});

import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  reconcileTargets,
  type RunningTarget,
  type TargetWorkflowDirectory,
} from '../../../src/activities/reconcileTargets.ts';
import { WatchedTargetRepository } from '../../../src/db/repositories/watchedTargets.ts';
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
}

function running(targetId: string, overrides: Partial<RunningTarget> = {}): RunningTarget {
  return { targetId, installationId: OURS, version: 1, name: 'shop', ...overrides };
}

function reconcileWith(workflows: Directory, force = false) {
  const watchedTargets = new WatchedTargetRepository(db.orm.em.fork(), TEST_SECRETS);
  return reconcileTargets(
    { watchedTargets, workflows, installationId: OURS, progress: () => undefined, onFault: () => undefined },
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
    expect(directory.retired).toEqual([stranger.targetId]);
  });

  it('never touches the workflows of another installation, forced or not', async () => {
    const directory = new Directory([running(crypto.randomUUID(), { installationId: 'another' })]);
    expect(await reconcileWith(directory, true)).toMatchObject({ retired: 0, refused: 0 });
  });
});

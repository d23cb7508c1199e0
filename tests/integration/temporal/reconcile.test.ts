import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { sql, type RawBuilder } from 'kysely';
import type { ReconcileReport } from '../../../src/activities/contracts.ts';
import type { Target } from '../../../src/db/repositories/httpTargetRow.ts';
import type { httpTarget, reconcile } from '../../../src/workflows/index.ts';
import { statusQuery } from '../../../src/workflows/messages.ts';
import { httpTargetStartOptions } from '../../../temporal/httpTargetStart.ts';
import { taskQueue } from '../../../temporal/names.ts';
import { startRealWorker, type RealWorker } from '../../support/realWorker.ts';
import { watchedTarget } from '../../support/steadyTargets.ts';
import { storedChecks } from '../../support/storedChecks.ts';
import { until } from '../../support/until.ts';
import { startWorkerProcess, type WorkerProcess } from '../../support/workerProcess.ts';
import { openWorkerSurroundings, type WorkerSurroundings } from '../../support/workerSurroundings.ts';

jest.setTimeout(60_000);

let real: RealWorker;

beforeAll(async () => {
  real = await startRealWorker();
});
afterAll(() => real.stop());

function reconcileNow(
  force = false,
  { temporal, taskQueuePrefix }: WorkerSurroundings = real,
): Promise<ReconcileReport> {
  return temporal.client.workflow.execute<typeof reconcile>('reconcile', {
    workflowId: `reconcile-${crypto.randomUUID()}`,
    taskQueue: taskQueue(taskQueuePrefix),
    args: [{ force }],
  });
}

function row(target: Target): Promise<Target | null> {
  return real.db.targets().find(target.id);
}

async function checkedTarget(): Promise<Target> {
  const target = await real.createTarget();
  await reconcileNow();
  await until(async () => (await row(target))?.status === 'up', { what: 'the first check' });
  return target;
}

async function runStatus(target: Target): Promise<string> {
  return (await real.handleOf(target).describe()).status.name;
}

describe('#reconcile', () => {
  it('starts the workflow of a target that was created while Temporal was away', async () => {
    const target = await checkedTarget();
    expect((await real.handleOf(target).query(statusQuery)).state.status).toBe('up');
  });

  it('hands on a pause that the workflow never heard of', async () => {
    const target = await checkedTarget();
    await real.db.targets().update(target.id, (current) => ({ ...current, isActive: false }));
    await until(async () => {
      await reconcileNow(); // lists are a moment behind
      return (await real.handleOf(target).query(statusQuery)).state.status === 'paused';
    });
  });

  it('retires a workflow whose target was deleted while Temporal was away', async () => {
    const target = await checkedTarget();
    await real.db.targets().delete(target.id);
    await until(async () => {
      await reconcileNow();
      return (await runStatus(target)) === 'COMPLETED';
    });
  });

  it('starts again what somebody terminated, and goes on from what Postgres knows', async () => {
    const target = await checkedTarget();
    const before = await row(target);
    await real.handleOf(target).terminate('by mistake');
    await until(async () => {
      await reconcileNow();
      return (await runStatus(target)) === 'RUNNING';
    });
    const checkedAt = async () => (await row(target))?.lastCheckAt?.getTime();
    await until(async () => (await checkedAt()) !== before?.lastCheckAt?.getTime(), {
      what: 'the next check',
    });
    expect(await row(target)).toMatchObject({ lastStateChangeAt: before?.lastStateChangeAt });
  });

  it('leaves the workflows of another installation alone, even when forced', async () => {
    const model = await real.db.create({ isActive: false });
    const start = httpTargetStartOptions(
      { target: { ...model, id: crypto.randomUUID() }, failureThreshold: 2 },
      { installationId: 'another installation', taskQueuePrefix: real.taskQueuePrefix },
    );
    const { workflow } = real.temporal.client;
    const stranger = await workflow.start<typeof httpTarget>('httpTarget', start);
    const query = `WorkflowId = '${start.workflowId}'`;
    await until(async () => (await workflow.count(query)).count === 1, { what: 'the list to know it' });
    expect(await reconcileNow(true)).toMatchObject({ retired: 0, refused: 0 });
    expect((await stranger.describe()).status.name).toBe('RUNNING');
    await stranger.terminate();
  });
});

describe('#reconcile, of a watch that was lost', () => {
  let surroundings: WorkerSurroundings;
  let worker: WorkerProcess;

  beforeAll(async () => {
    surroundings = await openWorkerSurroundings();
    worker = await startWorkerProcess('worker', surroundings.env);
  });
  afterAll(async () => {
    await worker.kill();
    await surroundings.close();
  });

  const execute = (statement: RawBuilder<unknown>) =>
    statement.execute(surroundings.db.orm.em.fork().getKysely<object>());

  async function killedAndStartedAgain(): Promise<void> {
    await worker.kill();
    await execute(sql`delete from watches`);
    worker = await startWorkerProcess('worker', surroundings.env);
  }

  it('brings the target back to being checked, once its worker has had time to catch up', async () => {
    const target = await watchedTarget(surroundings);
    await until(async () => (await storedChecks(surroundings.db, target)).length > 0, { what: 'a check' });
    await killedAndStartedAgain();
    await execute(sql`update http_target_states set next_check_at = now() - interval '10 minutes'`);
    expect(await reconcileNow(false, surroundings)).toMatchObject({ watchesLost: 0 });

    const before = await storedChecks(surroundings.db, target);
    await execute(sql`update workers set started_at = now() - interval '10 minutes'`);
    expect(await reconcileNow(false, surroundings)).toMatchObject({ watchesLost: 1, started: 0, failed: 0 });
    await until(async () => (await storedChecks(surroundings.db, target)).length >= before.length + 2, {
      what: 'checks of the target',
    });
    expect(await reconcileNow(false, surroundings)).toMatchObject({ watchesLost: 0 });
  });
});

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { TypedSearchAttributes } from '@temporalio/common';
import { sql } from 'kysely';
import type { Target } from '../../../src/db/repositories/httpTargetRow.ts';
import { scheduleOf } from '../../../src/db/workflowView.ts';
import { configureSignal, statusQuery } from '../../../src/workflows/messages.ts';
import { SEARCH_ATTRIBUTES } from '../../../temporal/names.ts';
import { startRealWorker, type RealWorker } from '../../support/realWorker.ts';
import { until } from '../../support/until.ts';

jest.setTimeout(60_000);

let real: RealWorker;

beforeAll(async () => {
  real = await startRealWorker();
});
afterAll(() => real.stop());

async function startedTarget(): Promise<Target> {
  const target = await real.createTarget();
  expect(await real.workflows.start({ target, failureThreshold: 2 })).toBe(true);
  await until(async () => (await real.db.targets().find(target.id))?.status === 'up', {
    what: 'the first check',
  });
  return target;
}

async function change(target: Target, changes: Partial<Target>): Promise<void> {
  const changed = await real.db.targets().update(target.id, (current) => ({ ...current, ...changes }));
  if (changed === null) throw new Error('no such target');
  await real.workflows.change(changed.before, { target: changed.after, failureThreshold: 2 });
}

async function signalsOf(target: Target): Promise<(string | null | undefined)[]> {
  const { events } = await real.handleOf(target).fetchHistory();
  return (events ?? []).flatMap((event) => event.workflowExecutionSignaledEventAttributes?.signalName ?? []);
}

describe('HttpTargetWorkflows', () => {
  it('starts a workflow once, however often it is asked', async () => {
    const target = await startedTarget();
    const { runId } = await real.handleOf(target).describe();
    expect(await real.workflows.start({ target, failureThreshold: 2 })).toBe(true);
    expect((await real.handleOf(target).describe()).runId).toBe(runId);
  });

  it('calls a pause a pause and a resume a resume, so that ops can read the history', async () => {
    const target = await startedTarget();
    await change(target, { isActive: false });
    await until(async () => (await real.handleOf(target).query(statusQuery)).state.status === 'paused');
    await expect(
      real.workflows.checkNow({ target, failureThreshold: 2 }, crypto.randomUUID()),
    ).rejects.toMatchObject({ reason: 'paused' });
    await change(target, { isActive: true });
    await change(target, { name: 'renamed', timeoutSeconds: 4 });
    await until(async () => (await real.handleOf(target).query(statusQuery)).schedule.version === 4);
    expect(await signalsOf(target)).toEqual(['pause', 'resume', 'configure']);
    expect((await real.handleOf(target).describe()).memo).toMatchObject({ name: 'renamed', version: 4 });
  });

  it('answers a check now, and the same request again with the same answer', async () => {
    const target = await startedTarget();
    const requestId = crypto.randomUUID();
    const first = await real.workflows.checkNow({ target, failureThreshold: 2 }, requestId);
    expect(first).toMatchObject({ status: 'up', result: { statusCode: 200 } });
    expect(await real.workflows.checkNow({ target, failureThreshold: 2 }, requestId)).toEqual(first);
  });

  it('checks now a target whose workflow is missing', async () => {
    const target = await real.createTarget();
    const answer = await real.workflows.checkNow({ target, failureThreshold: 2 }, crypto.randomUUID());
    expect(answer).toMatchObject({ status: 'up', result: { statusCode: 200 } });
  });

  it('keeps memo and search attributes when a run is rolled, and its name in the current details', async () => {
    const target = await startedTarget();
    const before = await real.handleOf(target).describe();
    const renamed = scheduleOf({ target: { ...target, name: 'rolled' }, failureThreshold: 2 });
    const describeRun = () => real.handleOf(target).describe();
    await until(
      async () => {
        // While messages keep coming a roll is refused, so they stop when the history is long enough.
        const { historyLength, runId } = await describeRun();
        if (runId !== before.runId) return true;
        if (historyLength < 200) {
          await Promise.all(
            Array.from({ length: 20 }, () => real.handleOf(target).signal(configureSignal, renamed)),
          );
        }
        return false;
      },
      { withinMs: 50_000, what: 'a roll' },
    );
    const after = await real.handleOf(target).describe();
    expect(after.memo).toMatchObject({
      installationId: before.memo?.['installationId'],
      version: 1,
      name: 'rolled',
    });
    const attributes = after.typedSearchAttributes;
    expect(attributes).toBeInstanceOf(TypedSearchAttributes);
    expect(attributes.get(SEARCH_ATTRIBUTES.monitorStatus)).toBe('UP');
    expect(attributes.get(SEARCH_ATTRIBUTES.clientId)).toBe(target.clientId);
    const metadata = await real
      .handleOf(target)
      .query<{ currentDetails: string }>('__temporal_workflow_metadata');
    expect(metadata.currentDetails).toMatch(
      /^up, 200 in \d+ ms, (next check \d\d:\d\d:\d\d|checking now)\n\nrolled$/,
    );
  });

  it('ends within a moment when its target is deleted', async () => {
    const target = await startedTarget();
    await real.db.targets().delete(target.id);
    expect(await real.workflows.retire(target.id)).toBe(true);
    await real.handleOf(target).result();
    expect(await real.workflows.retire(target.id)).toBe(true);
  });

  it('ends nothing when the database has no row of its target: it may be the wrong database', async () => {
    const target = await startedTarget();
    const db = real.db.orm.em.fork().getKysely<object>();
    await sql`delete from http_targets where id = ${target.id}`.execute(db);
    const failures = async () => {
      const { events } = await real.handleOf(target).fetchHistory();
      return (events ?? []).flatMap(
        (event) => event.activityTaskFailedEventAttributes?.failure?.applicationFailureInfo?.type ?? [],
      );
    };
    await until(async () => (await failures()).length >= 2, { what: 'two checks without a row' });
    expect(new Set(await failures())).toEqual(new Set(['TargetUnknown']));
    const handle = real.handleOf(target);
    expect((await handle.describe()).status.name).toBe('RUNNING');
    expect((await handle.query(statusQuery)).state.status).toBe('up');
    await handle.terminate();
  });
});

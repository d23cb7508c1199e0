import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { sql } from 'kysely';
import type { HeartbeatSweepReport } from '../../../src/activities/contracts.ts';
import { readInstallationId } from '../../../src/db/repositories/watchedTargets.ts';
import { WatchedMachineRepository } from '../../../src/db/repositories/watchedMachines.ts';
import type { WatchedMachine } from '../../../src/domain/heartbeat.ts';
import type { heartbeatSweep, machineHeartbeat } from '../../../src/workflows/index.ts';
import { machineStatusQuery } from '../../../src/workflows/machineMessages.ts';
import { machineHeartbeatStartOptions } from '../../../temporal/machineHeartbeatStart.ts';
import { createMachineHeartbeats, type MachineHeartbeats } from '../../../temporal/machineHeartbeats.ts';
import {
  heartbeatSweepId,
  machineHeartbeatWorkflowId,
  SEARCH_ATTRIBUTES,
  taskQueue,
} from '../../../temporal/names.ts';
import { machineRows, type MachineDatabase, type MachineOptions } from '../../support/machineRows.ts';
import { startRealWorker, type RealWorker } from '../../support/realWorker.ts';
import { until } from '../../support/until.ts';

jest.setTimeout(60_000);

let real: RealWorker;
let rows: Omit<MachineDatabase, 'url' | 'orm' | 'close'>;
let heartbeats: MachineHeartbeats;
const leftToSweep: (string | null)[] = [];

beforeAll(async () => {
  real = await startRealWorker();
  rows = machineRows(real.db.orm);
  heartbeats = createMachineHeartbeats({
    temporal: real.temporal,
    taskQueuePrefix: real.taskQueuePrefix,
    installationId: () => readInstallationId(real.db.orm.em.fork()),
    onLeftToSweep: (machineId) => leftToSweep.push(machineId),
  });
  await rows.setPulse(0);
});
afterAll(() => real.stop());

async function machineOf(id: string): Promise<WatchedMachine> {
  const found = await new WatchedMachineRepository(real.db.orm.em.fork()).find(id);
  if (found === null) throw new Error('no such machine');
  return found;
}

function handleOf(id: string) {
  return real.temporal.client.workflow.getHandle<typeof machineHeartbeat>(machineHeartbeatWorkflowId(id));
}

async function statusOf(id: string): Promise<string> {
  return (await handleOf(id).query(machineStatusQuery)).state.status;
}

/** A machine that ingest has seen. */
async function seenMachine(options: MachineOptions = {}): Promise<string> {
  const id = await rows.create(options);
  expect(await heartbeats.seen(await machineOf(id))).toBe(true);
  return id;
}

async function monitorStatusOf(id: string): Promise<string | undefined> {
  const { typedSearchAttributes } = await handleOf(id).describe();
  return typedSearchAttributes.get(SEARCH_ATTRIBUTES.monitorStatus);
}

function sweepNow(force = false): Promise<HeartbeatSweepReport> {
  return real.temporal.client.workflow.execute<typeof heartbeatSweep>('heartbeatSweep', {
    workflowId: `heartbeat-sweep-${crypto.randomUUID()}`,
    taskQueue: taskQueue(real.taskQueuePrefix),
    args: [{ force }],
  });
}

describe('MachineHeartbeats', () => {
  it('starts a workflow once, however often a machine is seen', async () => {
    const id = await seenMachine({ hostname: 'web-1' });
    const { runId, memo, typedSearchAttributes } = await handleOf(id).describe();
    expect(memo).toMatchObject({ hostname: 'web-1', version: 1, episode: 0 });
    expect(typedSearchAttributes.get(SEARCH_ATTRIBUTES.monitorKind)).toBe('machine-heartbeat');
    expect(await heartbeats.seen(await machineOf(id))).toBe(true);
    expect((await handleOf(id).describe()).runId).toBe(runId);
    expect(await monitorStatusOf(id)).toBe('UP');
  });

  it('finds a machine that falls silent within 5 s of its threshold, and shows when it is back', async () => {
    const clientId = await rows.createClient(1);
    const id = await seenMachine({ clientId, seenSecondsAgo: 57 });
    const startedAt = Date.now();
    const isDown = async (): Promise<boolean> => {
      await rows.setPulse(0);
      return (await rows.state(id)).status === 'down';
    };
    await until(isDown, { everyMs: 200, what: 'a row that says down' });
    expect(Date.now() - startedAt).toBeLessThan(8_000);
    await until(async () => (await monitorStatusOf(id)) === 'DOWN', { what: 'a workflow that says down' });
    const { currentDetails } = await handleOf(id).query<{ currentDetails: string }>(
      '__temporal_workflow_metadata',
    );
    expect(currentDetails).toMatch(/^down since .*Z, last report .*Z, 1 min of silence allowed\n\n/);
    expect((await handleOf(id).describe()).memo).toMatchObject({ episode: 1 });

    await rows.execute(sql`
      update machine_states set status = 'up', last_seen_at = now(), last_state_change_at = now()
      where machine_key = (select key from machines where id = ${id})
    `);
    await heartbeats.seen(await machineOf(id));
    await until(async () => (await monitorStatusOf(id)) === 'UP', { what: 'a workflow that says up' });
  });

  it('hands a pause, a resume and a new name on', async () => {
    const id = await seenMachine();
    await rows.execute(sql`update machines set is_paused = true, version = 2 where id = ${id}`);
    expect(await heartbeats.change(await machineOf(id))).toBe(true);
    await until(async () => (await statusOf(id)) === 'paused');
    await rows.execute(sql`
      update machines set is_paused = false, version = 3, hostname = ${`new-${id}`} where id = ${id}
    `);
    await heartbeats.change(await machineOf(id));
    await until(async () => (await handleOf(id).describe()).memo?.['hostname'] === `new-${id}`);
    expect((await handleOf(id).query(machineStatusQuery)).schedule).toMatchObject({
      version: 3,
      isActive: true,
    });
  });

  it('retires a workflow for good: a late post of the machine does not bring it back', async () => {
    const id = await seenMachine();
    const machine = await machineOf(id);
    expect(await heartbeats.retire(id)).toBe(true);
    await handleOf(id).result();
    expect(await heartbeats.retire(id)).toBe(true);
    leftToSweep.length = 0;
    expect(await heartbeats.seen(machine)).toBe(false);
    expect(leftToSweep).toEqual([id]);
  });

  it('ends nothing when the database has no row of the machine: it may be the wrong database', async () => {
    const id = crypto.randomUUID();
    const model = await machineOf(await rows.create({ seenSecondsAgo: 3_600 }));
    await heartbeats.seen({ ...model, machineId: id });
    await until(async () =>
      (await handleOf(id).query(machineStatusQuery)).words.includes('cannot be judged'),
    );
    expect((await handleOf(id).describe()).status.name).toBe('RUNNING');
    await handleOf(id).terminate();
  });
});

describe('#heartbeatSweep', () => {
  it('starts the workflow of a machine that nobody was told of, when the API asks for a sweep', async () => {
    const id = await rows.create();
    const isRunning = async (): Promise<boolean> => (await statusOf(id)) === 'up';
    expect(await heartbeats.sweepNow()).toBe(true);
    await until(isRunning, { what: 'a workflow' });
    const { info } = await real.temporal.client.schedule
      .getHandle(heartbeatSweepId(real.taskQueuePrefix))
      .describe();
    expect(info.numActionsTaken).toBeGreaterThan(0);
  });

  it('hands a new threshold on to running workflows', async () => {
    const clientId = await rows.createClient(60);
    const id = await seenMachine({ clientId, seenSecondsAgo: 300 });
    await rows.execute(sql`
      with settings as (update client_settings set heartbeat_threshold_minutes = 90 where client_id = ${clientId})
      update machines set version = version + 1 where client_id = ${clientId}
    `);
    await until(async () => {
      await sweepNow(); // lists are a moment behind
      return (await handleOf(id).query(machineStatusQuery)).schedule.thresholdSeconds === 5_400;
    });
  });

  it('tells a workflow that missed a transition, and retires one whose machine was deleted', async () => {
    const [down, deleted] = [await seenMachine(), await seenMachine()];
    await rows.execute(sql`
      update machine_states set status = 'down', episode = 1, last_state_change_at = now() - interval '2 minutes'
      where machine_key = (select key from machines where id = ${down})
    `);
    await rows.execute(sql`update machines set unregistered_at = now() where id = ${deleted}`);
    await until(async () => {
      await sweepNow();
      const { status } = await handleOf(deleted).describe();
      return status.name === 'COMPLETED' && (await statusOf(down)) === 'down';
    });
    expect(await monitorStatusOf(down)).toBe('DOWN');
  });

  it('starts again what somebody terminated', async () => {
    const id = await seenMachine();
    await handleOf(id).terminate('by mistake');
    await until(async () => {
      await sweepNow();
      return (await handleOf(id).describe()).status.name === 'RUNNING';
    });
    expect(await statusOf(id)).toBe('up');
  });

  it('leaves the workflows of another installation alone, even when forced', async () => {
    const model = await machineOf(await rows.create());
    const stranger = await real.temporal.client.workflow.start<typeof machineHeartbeat>(
      'machineHeartbeat',
      machineHeartbeatStartOptions(
        { ...model, machineId: crypto.randomUUID() },
        { installationId: 'another installation', taskQueuePrefix: real.taskQueuePrefix },
      ),
    );
    const query = `WorkflowId = '${stranger.workflowId}'`;
    await until(async () => (await real.temporal.client.workflow.count(query)).count === 1, {
      what: 'the list to know it',
    });
    expect(await sweepNow(true)).toMatchObject({ retired: 0, refused: 0 });
    expect((await stranger.describe()).status.name).toBe('RUNNING');
    await stranger.terminate();
  });
});

import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { pino } from 'pino';
import type { ReconcileReport } from '../../../src/activities/contracts.ts';
import { loadConfig } from '../../../src/config.ts';
import { createSecretBox } from '../../../src/db/encryption.ts';
import type { Target } from '../../../src/db/repositories/httpTargetRow.ts';
import { HttpTargetRepository } from '../../../src/db/repositories/httpTargets.ts';
import type { httpTarget, reconcile } from '../../../src/workflows/index.ts';
import { statusQuery } from '../../../src/workflows/messages.ts';
import { connectTemporal, type TemporalConnection } from '../../../temporal/client.ts';
import { httpTargetStartOptions } from '../../../temporal/httpTargetStart.ts';
import { httpTargetWorkflowId, taskQueue } from '../../../temporal/names.ts';
import { runWorker } from '../../../temporal/worker.ts';
import { TEST_TEMPORAL_ADDRESS } from '../../support/serversSetup.ts';
import {
  buildDefinition,
  DEV_CALLER,
  openTargetDatabase,
  type TargetDatabase,
} from '../../support/targets.ts';
import { until } from '../../support/until.ts';

jest.setTimeout(60_000);

const taskQueuePrefix = `test-${crypto.randomUUID()}-`;
const stop = new AbortController();
let db: TargetDatabase;
let temporal: TemporalConnection;
let worker: Promise<void>;
let server: Server;
let baseUrl: string;

beforeAll(async () => {
  server = createServer((_request, response) => response.end('ok')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  baseUrl = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  db = await openTargetDatabase();
  const config = loadConfig({
    ENV_FILE: '/dev/null',
    DATABASE_URL: db.url,
    TEMPORAL_ADDRESS: process.env[TEST_TEMPORAL_ADDRESS],
    TASK_QUEUE_PREFIX: taskQueuePrefix,
    ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
    RECONCILE_INTERVAL_SECONDS: '86400',
  });
  temporal = connectTemporal(config.temporal);
  worker = runWorker(config, pino({ level: 'silent' }), stop.signal);
});

afterAll(async () => {
  stop.abort();
  await worker;
  await temporal.close();
  await db.close();
  server.close();
});

function create(path: string): Promise<Target> {
  return db.create({ url: `${baseUrl}/${path}-${crypto.randomUUID()}`, checkIntervalSeconds: 5 });
}

function reconcileNow(force = false): Promise<ReconcileReport> {
  return temporal.client.workflow.execute<typeof reconcile>('reconcile', {
    workflowId: `reconcile-${crypto.randomUUID()}`,
    taskQueue: taskQueue(taskQueuePrefix),
    args: [{ force }],
  });
}

async function statusOf(target: Target): Promise<string> {
  const description = await temporal.client.workflow.getHandle(httpTargetWorkflowId(target.id)).describe();
  return description.status.name;
}

describe('#reconcile', () => {
  it('starts the workflow of a target that was created while Temporal was away', async () => {
    const target = await create('missed');
    await reconcileNow();
    await until(async () => (await db.targets().find(target.id))?.status === 'up', {
      what: 'the first check',
    });
    const handle = temporal.client.workflow.getHandle<typeof httpTarget>(httpTargetWorkflowId(target.id));
    expect((await handle.query(statusQuery)).state.status).toBe('up');
  });

  it('hands on a pause that the workflow never heard of', async () => {
    const target = await create('paused');
    await reconcileNow();
    const handle = temporal.client.workflow.getHandle<typeof httpTarget>(httpTargetWorkflowId(target.id));
    await until(async () => (await handle.query(statusQuery)).state.status === 'up');
    await db.targets().update(target.id, (current) => ({ ...current, isActive: false }));
    await until(async () => {
      await reconcileNow(); // lists are a moment behind
      return (await handle.query(statusQuery)).state.status === 'paused';
    });
  });

  it('retires a workflow whose target was deleted while Temporal was away', async () => {
    const target = await create('deleted');
    await reconcileNow();
    await until(async () => (await db.targets().find(target.id))?.status === 'up');
    await db.targets().delete(target.id);
    await until(async () => (await statusOf(target)) === 'COMPLETED', { what: 'the end of the workflow' });
  });

  it('starts again what somebody terminated, and goes on from what Postgres knows', async () => {
    const target = await create('terminated');
    await reconcileNow();
    await until(async () => (await db.targets().find(target.id))?.status === 'up');
    const before = await db.targets().find(target.id);
    await temporal.client.workflow.getHandle(httpTargetWorkflowId(target.id)).terminate('by mistake');
    await until(async () => {
      await reconcileNow();
      return (await statusOf(target)) === 'RUNNING';
    });
    const checkedAt = async () => (await db.targets().find(target.id))?.lastCheckAt?.getTime();
    await until(async () => (await checkedAt()) !== before?.lastCheckAt?.getTime(), {
      what: 'the next check',
    });
    expect(await db.targets().find(target.id)).toMatchObject({
      lastStateChangeAt: before?.lastStateChangeAt,
    });
  });

  it('leaves the workflows of another installation alone, even when forced', async () => {
    const id = crypto.randomUUID();
    const stranger = await new HttpTargetRepository(
      db.orm.em.fork(),
      DEV_CALLER,
      createSecretBox(Buffer.alloc(32, 7)),
    ).create(id, buildDefinition({ url: `${baseUrl}/${id}`, isActive: false }));
    const start = httpTargetStartOptions(
      { target: { ...stranger, id: crypto.randomUUID() }, failureThreshold: 2 },
      { installationId: 'another installation', taskQueuePrefix },
    );
    const handle = await temporal.client.workflow.start<typeof httpTarget>('httpTarget', start);
    const query = `WorkflowId = '${start.workflowId}'`;
    await until(async () => (await temporal.client.workflow.count(query)).count === 1, {
      what: 'the list to know it',
    });
    expect(await reconcileNow(true)).toMatchObject({ retired: 0, refused: 0 });
    expect((await handle.describe()).status.name).toBe('RUNNING');
    await handle.terminate();
  });
});

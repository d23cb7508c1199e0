import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { startDevServer, type DevServer } from '../../temporal/devServer.ts';
import { findTemporalServer } from '../../temporal/findServer.ts';
import { requireSearchAttributes } from '../../temporal/searchAttributes.ts';
import { touchTemporal } from '../../temporal/selfTest.ts';
import { freePorts } from '../support/freePorts.ts';

describe('the Temporal dev server', () => {
  let directory: string;
  let running: DevServer[];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'dev server 100%?-'));
    running = [];
  });

  afterEach(async () => {
    await Promise.all(running.map((server) => server.stop({ withinMs: 0 })));
    rmSync(directory, { recursive: true, force: true });
  });

  async function start(port: number): Promise<DevServer> {
    const server = await startDevServer({
      binary: await findTemporalServer(),
      databaseFile: join(directory, 'temporal', 'temporal.db'),
      port,
      namespace: 'watched',
      logFile: join(directory, 'logs', 'temporal.log'),
    });
    running.push(server);
    return server;
  }

  it('should be ready with namespace and search attributes, and keep its state over restarts', async () => {
    const [port = 0] = await freePorts(1);
    const first = await start(port);
    const connection = await Connection.connect({ address: first.address });
    const client = new Client({ connection, namespace: 'watched' });
    await requireSearchAttributes(client, 'watched');
    await touchTemporal(client, '');
    const { runId } = await client.workflow.getHandle('self-test').describe();
    const { config } = await connection.workflowService.describeNamespace({ namespace: 'watched' });
    expect(config?.workflowExecutionRetentionTtl?.seconds?.toNumber()).toBe(3 * 24 * 60 * 60);
    await connection.close();
    process.kill(first.pid, 'SIGKILL'); // Not even a crash costs what was written.
    await first.exited;

    const second = await start(port);
    const again = await Connection.connect({ address: second.address });
    const handle = new Client({ connection: again, namespace: 'watched' }).workflow.getHandle('self-test');
    expect(await handle.describe()).toMatchObject({ runId, status: { name: 'RUNNING' } });
    await again.close();
  });

  it('should not take somebody else’s server on its port for its own', async () => {
    const [port = 0] = await freePorts(1);
    await start(port);
    await expect(start(port)).rejects.toThrow(`Port ${port} for Temporal is taken by another program`);
  });

  it('should say what is wrong with a damaged file', async () => {
    const [port = 0] = await freePorts(1);
    mkdirSync(join(directory, 'temporal'));
    writeFileSync(join(directory, 'temporal', 'temporal.db'), 'This is no database. '.repeat(100));
    await expect(start(port)).rejects.toThrow(
      `Temporal's state in ${directory}/temporal/temporal.db is damaged`,
    );
  });
});

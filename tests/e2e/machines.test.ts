import { availableParallelism, totalmem } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { sendSignal } from '../../src/start/processIdentity.ts';
import { AgentProcess } from '../support/agentProcess.ts';
import { StackClient } from '../support/stackClient.ts';
import { StackMachines } from '../support/stackMachines.ts';
import { signalTo } from '../support/stackProcesses.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { viewTemporal } from '../support/temporalView.ts';
import { until } from '../support/until.ts';

const INTERVAL_SECONDS = 2;
/** The least that a client may set. */
const THRESHOLD_MS = 60_000;
const FOUND_WITHIN_MS = 5_000;
const EVALUATED_WITHIN_MS = 15_000;

describe('a machine with the agent on it', () => {
  let stack: Stack;
  let client: StackClient;
  let machines: StackMachines;
  let agent: AgentProcess;
  let silent: AgentProcess;

  beforeAll(async () => {
    stack = await startStack({ env: { EVALUATION_INTERVAL_SECONDS: '2' } });
    client = new StackClient(stack);
    machines = new StackMachines(client);
    const changed = await client.request('PUT', '/settings', { heartbeat_threshold_minutes: 1 });
    expect(changed).toMatchObject({ status: 200, body: { heartbeat_threshold_minutes: 1 } });
    agent = new AgentProcess(stack, 'e2e-busy');
    silent = new AgentProcess(stack, 'e2e-silent');
    agent.start(INTERVAL_SECONDS);
    silent.start(INTERVAL_SECONDS);
  }, 120_000);

  afterAll(async () => {
    await agent.destroy();
    await silent.destroy();
    await stack.destroy();
  }, 30_000);

  async function query<T extends pg.QueryResultRow>(text: string, values: unknown[]): Promise<T[]> {
    const database = new pg.Client({ connectionString: stack.databaseUrl() });
    await database.connect();
    try {
      return (await database.query<T>(text, values)).rows;
    } finally {
      await database.end();
    }
  }

  const transitions = async (id: string): Promise<string[]> =>
    (
      await query<{ to_status: string }>(
        `select to_status from machine_transitions t join machines m on m.key = t.machine_key
         where m.id = $1 order by t.id`,
        [id],
      )
    ).map(({ to_status: to }) => to);

  const runsThatAre = async (status: string): Promise<string[]> => {
    const temporal = await viewTemporal(stack);
    try {
      return await temporal.ids(`MonitorKind = 'machine-heartbeat' AND MonitorStatus = '${status}'`);
    } finally {
      await temporal.close();
    }
  };

  it('should be up with what is measured on it', async () => {
    const { id } = await machines.untilStatus(agent.hostname, 'UP', 20_000);
    await until(async () => (await runsThatAre('UP')).includes(`machine-heartbeat/${id}`), {
      what: 'the run of the machine says UP',
    });
    const memory = await machines.metric(id, 'memory_total_bytes');
    expect(memory).toMatchObject({ type: 'numeric', status: 'OK', last_sample: { num_value: totalmem() } });
    const cores = await machines.metric(id, 'cpu_cores');
    expect(cores.last_sample?.num_value).toBe(availableParallelism());
    expect((await machines.metric(id, 'agent_version')).type).toBe('string');
  });

  it('should have a metric that is beyond its threshold, and is not any more', async () => {
    const { id } = await machines.untilStatus(agent.hostname, 'UP', 20_000);
    const { id: metricId } = await machines.metric(id, 'memory_used_ratio');
    const set = (value: number) =>
      client.request('POST', `/metrics/${metricId}/thresholds/default`, {
        comparison: 'gt',
        value_num: value,
      });
    const isFiring = async () => (await machines.metric(id, 'memory_used_ratio')).is_firing;
    expect(await set(0)).toMatchObject({ status: 200, body: { success: true, updated: false } });
    await until(isFiring, { withinMs: EVALUATED_WITHIN_MS, what: 'the threshold is breached' });
    expect(await set(1)).toMatchObject({ status: 200, body: { updated: true } });
    await until(async () => !(await isFiring()), { withinMs: EVALUATED_WITHIN_MS, what: 'it has recovered' });
    const told = await query<{ to_state: string; reason: string }>(
      `select to_state, reason from metric_transitions t join metric_instances i on i.key = t.metric_key
       where i.id = $1 order by t.id`,
      [metricId],
    );
    expect(told.map(({ to_state: to }) => to)).toEqual(['breached', 'ok']);
    expect(told[0]?.reason).toMatch(/above 0/);
  });

  it('should be found down when the agent is stopped, and up when it is started', async () => {
    const { id } = await machines.untilStatus(silent.hostname, 'UP', 20_000);
    await silent.stop();
    const stoppedAt = Date.now();
    await machines.untilStatus(silent.hostname, 'DOWN', THRESHOLD_MS + FOUND_WITHIN_MS);
    const { last_seen: lastSeen } = await machines.untilStatus(silent.hostname, 'DOWN', 1_000);
    expect(Date.now() - Date.parse(lastSeen ?? '')).toBeGreaterThanOrEqual(THRESHOLD_MS);
    expect(Date.parse(lastSeen ?? '')).toBeLessThanOrEqual(stoppedAt);
    await until(async () => (await runsThatAre('DOWN')).includes(`machine-heartbeat/${id}`), {
      what: 'the run of the machine says DOWN',
    });
    silent.start(INTERVAL_SECONDS);
    await machines.untilStatus(silent.hostname, 'UP', 15_000);
    await until(async () => (await runsThatAre('UP')).includes(`machine-heartbeat/${id}`), {
      what: 'the run of the machine says UP again',
    });
    expect(await transitions(id)).toEqual(['up', 'down', 'up']);
  }, 120_000);

  it('should lose nothing and go down for nothing when all of the server is killed and started again', async () => {
    const before = await machines.untilStatus(agent.hostname, 'UP', 20_000);
    signalTo(stack, 'supervisor', 'SIGKILL');
    for (const { pid } of Object.values(stack.processes())) sendSignal(pid, 'SIGKILL');
    await stack.exited;
    stack = await startStack({
      ...{ dataDir: stack.dataDir, ports: stack.ports },
      env: { EVALUATION_INTERVAL_SECONDS: '2' },
    });
    client = new StackClient(stack);
    machines = new StackMachines(client);
    const startedAt = Date.now();
    await until(async () => Date.parse((await machines.find(agent.hostname))?.last_seen ?? '') > startedAt, {
      withinMs: 90_000,
      what: 'a report after the start',
    });
    expect(await machines.find(agent.hostname)).toMatchObject({ id: before.id, status: 'UP' });
    const { id: metricId } = await machines.metric(before.id, 'uptime_seconds');
    const gaps = async (): Promise<number> => {
      const [row] = await query<{ longest: number }>(
        `select max(gap)::float8 as longest from (
           select extract(epoch from s.at - lag(s.at) over (order by s.at)) as gap
           from metric_samples s join metric_instances i on i.key = s.metric_key where i.id = $1) g`,
        [metricId],
      );
      return row?.longest ?? Number.POSITIVE_INFINITY;
    };
    await until(async () => (await gaps()) < 2 * INTERVAL_SECONDS, {
      withinMs: 60_000,
      what: 'every sample of the time in which the server was away is stored',
    });
    const doubled = await query(
      `select from metric_samples s join metric_instances i on i.key = s.metric_key
       where i.id = $1 group by s.at having count(*) > 1`,
      [metricId],
    );
    expect(doubled).toEqual([]);
    expect(await transitions(before.id)).toEqual(['up']);
  }, 180_000);
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sendSignal } from '../../src/start/processIdentity.ts';
import { doubledSlots, slotOf, StackClient } from '../support/stackClient.ts';
import { startStack, type Stack } from '../support/stack.ts';
import type { CheckAnswer, TargetAnswer } from '../support/targetAnswers.ts';
import { startTargetFarm, type TargetFarm } from '../support/targetFarm.ts';
import { viewTemporal } from '../support/temporalView.ts';
import { until } from '../support/until.ts';

const HTTP_TARGETS = `WorkflowType = 'httpTarget' AND ExecutionStatus = 'Running'`;

describe('a stack that is stopped and started again', () => {
  let stack: Stack;
  let client: StackClient;
  let farm: TargetFarm;
  const ids: Record<string, string> = {};
  const idOf = (name: string): string => ids[name] ?? '';
  let before: Record<string, TargetAnswer> = {};
  let rowsBefore: Record<string, CheckAnswer[]> = {};
  let stoppedAt = 0;
  let startedAt = 0;

  beforeAll(async () => {
    [stack, farm] = await Promise.all([startStack(), startTargetFarm()]);
    client = new StackClient(stack);
    farm.answer('/down', 500);
    for (const name of ['up', 'down', 'paused']) {
      ids[name] = await client.create({ name, url: `${farm.origin}/${name}` });
    }
    await client.untilStatus(idOf('paused'), 'UP');
    await client.change(idOf('paused'), { is_active: false });
    await client.untilStatus(idOf('paused'), 'PAUSED');
    await client.untilStatus(idOf('down'), 'DOWN');
    await client.untilStatus(idOf('up'), 'UP');
    // One with a probe of 60 s that is running when everything stops; its next regular slot is far away.
    farm.answer('/running', 'hang');
    ids['running'] = await client.create({
      name: 'running',
      url: `${farm.origin}/running`,
      check_interval_seconds: 86_400,
      timeout_seconds: 60,
    });
    await until(() => farm.open('/running').length === 1, { what: 'a running probe' });
    before = await all((id) => client.target(id));

    stoppedAt = Date.now();
    await stack.stop('SIGTERM');
    expect(Date.now() - stoppedAt).toBeLessThan(10_000);
    expect(stack.processes()).toEqual({});
    farm.answer('/running', 200);
    stack = await startStack({ dataDir: stack.dataDir, ports: stack.ports });
    startedAt = Date.now();
    client = new StackClient(stack);
    rowsBefore = await all((id) => client.checks(id));
  }, 120_000);

  afterAll(async () => {
    await stack.destroy();
    await farm.close();
  }, 30_000);

  async function all<T>(ask: (id: string) => Promise<T>): Promise<Record<string, T>> {
    const answers: Record<string, T> = {};
    for (const [name, id] of Object.entries(ids)) answers[name] = await ask(id);
    return answers;
  }

  it('should be healthy within 10 s', () => {
    const [, seconds] = /Up in ([\d.]+) s/.exec(stack.stdout()) ?? [];
    expect(Number(seconds)).toBeLessThan(10);
  });

  it('should know all targets and their checks', () => {
    for (const name of ['up', 'down', 'paused']) expect(rowsBefore[name]?.length).toBeGreaterThan(0);
  });

  it.each(['up', 'down'])('should go on by itself where it was: %s', async (name) => {
    await client.untilChecks(idOf(name), { count: 2, after: startedAt });
    const target = await client.target(idOf(name));
    expect(target.status).toBe(before[name]?.status);
    // The same episode: nothing changed but the time.
    expect(target.last_state_change_at).toBe(before[name]?.last_state_change_at);
    expect(target.created_at).toBe(before[name]?.created_at);
  });

  it('should leave the paused one paused', async () => {
    const target = await client.target(idOf('paused'));
    expect(target).toMatchObject({ status: 'PAUSED', is_active: false });
    expect(target.last_state_change_at).toBe(before['paused']?.last_state_change_at);
    expect(farm.requests('/paused').filter(({ at }) => at > stoppedAt)).toEqual([]);
  });

  it('should make the check again that was running, and hold nothing against the target', async () => {
    await client.untilStatus(idOf('running'), 'UP', 15_000);
    expect((await client.checks(idOf('running'))).map(({ ok }) => ok)).toEqual([true]);
    expect(farm.requests('/running')).toHaveLength(2);
  });

  it('should double nothing and catch up on nothing', async () => {
    const rows = await all((id) => client.checks(id));
    for (const name of ['up', 'down']) {
      const own = rows[name] ?? [];
      expect(doubledSlots(own)).toEqual([]);
      expect(own.map(({ ok }) => ok)).toEqual(own.map(() => name === 'up'));
      const later = own.filter((row) => slotOf(row) > stoppedAt);
      expect(later.length).toBeLessThanOrEqual((Date.now() - stoppedAt) / 5_000 + 1);
      expect(farm.requests(`/${name}`).length - own.length).toBeLessThanOrEqual(1); // one may be on its way
    }
    const temporal = await viewTemporal(stack);
    const running = await temporal.ids(HTTP_TARGETS);
    await temporal.close();
    expect(running.sort()).toEqual(
      Object.values(ids)
        .map((id) => `http-target/${id}`)
        .sort(),
    );
  });

  it('should go on, with nothing doubled, when every process is killed at once', async () => {
    const rows = await client.untilChecks(idOf('up'), { after: startedAt });
    const episode = await client.target(idOf('down'));
    for (const { pid } of Object.values(stack.processes())) sendSignal(pid, 'SIGKILL');
    await stack.exited;
    stack = await startStack({ dataDir: stack.dataDir, ports: stack.ports });
    startedAt = Date.now();
    client = new StackClient(stack);
    const later = await client.untilChecks(idOf('up'), { count: 2, after: startedAt });
    await client.untilChecks(idOf('down'), { count: 2, after: startedAt });
    // What was answered before is still there.
    expect(later).toEqual(expect.arrayContaining(rows));
    expect(doubledSlots(later)).toEqual([]);
    expect(later.filter(({ ok }) => !ok)).toEqual([]);
    expect(await client.target(idOf('down'))).toMatchObject({
      status: 'DOWN',
      last_state_change_at: episode.last_state_change_at,
    });
    expect((await client.target(idOf('paused'))).status).toBe('PAUSED');
  }, 60_000);
});

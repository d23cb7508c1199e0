import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { doubledSlots, gapsMs, slotOf, StackClient } from '../support/stackClient.ts';
import { signalTo, untilEnded, untilReplaced } from '../support/stackProcesses.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { startTargetFarm, type TargetFarm } from '../support/targetFarm.ts';
import { until } from '../support/until.ts';

const NAMES = ['one', 'two', 'three'];

const REQUESTS = [
  ['GET', '/http-targets', undefined],
  ['PUT', '/http-targets/ID', { tags: ['renamed'] }],
  ['GET', '/http-targets/ID/checks', undefined],
] as const;

describe('a stack that loses a server', () => {
  let stack: Stack;
  let client: StackClient;
  let farm: TargetFarm;
  const ids: Record<string, string> = {};
  const idOf = (name: string): string => ids[name] ?? '';

  beforeAll(async () => {
    [stack, farm] = await Promise.all([
      startStack({ env: { RECONCILE_INTERVAL_SECONDS: '5' } }), // a minute by default
      startTargetFarm(),
    ]);
    client = new StackClient(stack);
    for (const name of NAMES) ids[name] = await client.create({ name, url: `${farm.origin}/${name}` });
    for (const name of NAMES) await client.untilChecks(idOf(name), { count: 3 });
  }, 90_000);

  afterAll(async () => {
    await stack.destroy();
    await farm.close();
  }, 30_000);

  it('should lose no check and double none when Postgres is killed again and again', async () => {
    const answers = new Set<number>();
    const began = Date.now();
    for (let times = 0; times < 3; times += 1) {
      const killed = signalTo(stack, 'postgres', 'SIGKILL');
      await untilEnded(killed, 5_000);
      for (const [method, path, body] of REQUESTS) {
        answers.add((await client.request(method, path.replace('ID', idOf('one')), body)).status);
      }
      await untilReplaced(stack, 'postgres', killed);
    }
    await until(stack.isHealthy, { what: 'health' });
    const backAt = Date.now();
    expect([...answers].filter((status) => ![200, 503].includes(status))).toEqual([]);
    expect(answers).toContain(503);

    for (const name of NAMES) {
      await client.untilChecks(idOf(name), { count: 2, after: backAt });
      // Rows that were kept meanwhile are written with a later check.
      const phased = async (): Promise<number[]> => gapsMs(await client.checks(idOf(name))).slice(1);
      await until(async () => (await phased()).every((gap) => gap === 5_000), { what: `no gap in ${name}` });
      const rows = await client.checks(idOf(name));
      expect(doubledSlots(rows)).toEqual([]);
      expect(rows.filter(({ ok }) => !ok)).toEqual([]);
      expect(rows.filter((row) => slotOf(row) > began && slotOf(row) < backAt).length).toBeGreaterThan(0);
      const { status, last_state_change_at: changedAt } = await client.target(idOf(name));
      expect(status).toBe('UP');
      expect(Date.parse(changedAt ?? '')).toBeLessThan(began);
    }
  }, 120_000);

  it('should hold nothing against targets when Postgres and the worker are lost at once', async () => {
    const lost = [signalTo(stack, 'postgres', 'SIGKILL'), signalTo(stack, 'worker', 'SIGKILL')] as const;
    await Promise.all([untilReplaced(stack, 'postgres', lost[0]), untilReplaced(stack, 'worker', lost[1])]);
    await until(stack.isHealthy, { what: 'health' });
    const backAt = Date.now();
    for (const name of NAMES) {
      const rows = await client.untilChecks(idOf(name), { after: backAt });
      expect(doubledSlots(rows)).toEqual([]);
      expect(rows.filter(({ ok }) => !ok)).toEqual([]);
      expect(await client.target(idOf(name))).toMatchObject({ status: 'UP', consecutive_failures: 0 });
    }
  }, 60_000);

  it('should take what users ask for while Temporal is away, and do it when it is back', async () => {
    let killed = signalTo(stack, 'temporal', 'SIGKILL');
    await untilEnded(killed, 5_000);
    const requests = Promise.all([
      client.create({ name: 'meanwhile', url: `${farm.origin}/meanwhile` }),
      client.change(idOf('two'), { is_active: false }),
      client.remove(idOf('three')),
    ]);
    // Away for longer than anybody waits for an answer.
    for (let times = 0; times < 2; times += 1) {
      await untilReplaced(stack, 'temporal', killed);
      killed = signalTo(stack, 'temporal', 'SIGKILL');
      await untilEnded(killed, 5_000);
    }
    const [created] = await requests;
    await untilReplaced(stack, 'temporal', killed);
    await until(stack.isHealthy, { withinMs: 30_000, what: 'health' });
    await client.untilStatus(created, 'UP', 30_000);
    await client.untilStatus(idOf('two'), 'PAUSED', 30_000);
    const since = Date.now();
    const rows = await client.untilChecks(idOf('one'), { count: 2, after: since });
    expect(doubledSlots(rows)).toEqual([]);
    expect(rows.filter(({ ok }) => !ok)).toEqual([]);
    for (const gone of ['/two', '/three']) {
      expect(farm.requests(gone).filter(({ at }) => at > since)).toEqual([]);
    }
    expect(doubledSlots(await client.checks(created))).toEqual([]);
  }, 120_000);
});

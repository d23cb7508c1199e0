import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { doubledSlots, gapsMs, slotOf, StackClient } from '../support/stackClient.ts';
import { signalTo, untilEnded, untilReplaced } from '../support/stackProcesses.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { startTargetFarm, type TargetFarm } from '../support/targetFarm.ts';
import { until } from '../support/until.ts';

const NAMES = ['one', 'two', 'three'];

describe('a stack that loses a server', () => {
  let stack: Stack;
  let client: StackClient;
  let farm: TargetFarm;
  const ids: Record<string, string> = {};
  const idOf = (name: string): string => ids[name] ?? '';

  beforeAll(async () => {
    [stack, farm] = await Promise.all([startStack(), startTargetFarm()]);
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
      answers.add((await client.request('GET', '/http-targets')).status);
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

  it('should take what users ask for while Temporal is away, and do it when it is back', async () => {
    const killed = signalTo(stack, 'temporal', 'SIGKILL');
    await untilEnded(killed, 5_000);
    const [created] = await Promise.all([
      client.create({ name: 'meanwhile', url: `${farm.origin}/meanwhile` }),
      client.change(idOf('two'), { is_active: false }),
      client.remove(idOf('three')),
    ]);
    await untilReplaced(stack, 'temporal', killed);
    await until(stack.isHealthy, { withinMs: 30_000, what: 'health' });
    const backAt = Date.now();

    await client.untilStatus(created, 'UP', 30_000);
    await client.untilStatus(idOf('two'), 'PAUSED', 30_000);
    const rows = await client.untilChecks(idOf('one'), { count: 3, after: backAt });
    expect(doubledSlots(rows)).toEqual([]);
    expect(rows.filter(({ ok }) => !ok)).toEqual([]);
    const since = Date.now();
    await client.untilChecks(idOf('one'), { count: 2, after: since });
    for (const gone of ['/two', '/three']) {
      expect(farm.requests(gone).filter(({ at }) => at > since)).toEqual([]);
    }
    expect(doubledSlots(await client.checks(created))).toEqual([]);
  }, 120_000);
});

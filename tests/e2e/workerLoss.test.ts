import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { doubledSlots, gapsMs, slotOf, StackClient } from '../support/stackClient.ts';
import { signalTo, untilEnded, untilReplaced } from '../support/stackProcesses.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { DetailAnswer } from '../support/targetAnswers.ts';
import { startTargetFarm, type TargetFarm } from '../support/targetFarm.ts';
import { until } from '../support/until.ts';

const INTERVAL_MS = 5_000;
const HANGING_TIMEOUT_MS = 3_000;
/** What the issue allows: the restart and 2 s and an interval; and 3 s for a noisy machine. */
const RESUMED_WITHIN_MS = 2_000 + INTERVAL_MS + 3_000;

const Readiness = z.object({ worker: z.object({ state: z.string() }) });

describe('a stack that loses its worker', () => {
  let stack: Stack;
  let client: StackClient;
  let farm: TargetFarm;
  const ids: Record<string, string> = {};
  const idOf = (name: string): string => ids[name] ?? '';
  const STEADY = ['one', 'two', 'three'];

  beforeAll(async () => {
    [stack, farm] = await Promise.all([startStack(), startTargetFarm()]);
    client = new StackClient(stack);
    farm.answer('/hanging', 'hang');
    for (const name of [...STEADY, 'hanging']) {
      const timeout = name === 'hanging' ? HANGING_TIMEOUT_MS / 1000 : 2;
      ids[name] = await client.create({ name, url: `${farm.origin}/${name}`, timeout_seconds: timeout });
    }
  }, 90_000);

  afterAll(async () => {
    await stack.destroy();
    await farm.close();
  }, 30_000);

  it('should go on checking within the time allowed after SIGKILL, each slot once', async () => {
    for (const name of STEADY) await client.untilChecks(idOf(name), { count: 2 });
    await client.untilStatus(idOf('hanging'), 'DOWN');
    await until(() => farm.open('/hanging').length === 1, { what: 'a running probe' });
    const worker = signalTo(stack, 'worker', 'SIGKILL');
    const restartedAt = await untilReplaced(stack, 'worker', worker);

    for (const name of [...STEADY, 'hanging']) {
      await until(() => farm.requests(`/${name}`).some(({ at }) => at > restartedAt), { what: name });
      const resumedAt = farm.requests(`/${name}`).find(({ at }) => at > restartedAt)?.at ?? Infinity;
      const allowed = RESUMED_WITHIN_MS + (name === 'hanging' ? HANGING_TIMEOUT_MS : 0);
      const lateBy = Math.max(0, resumedAt - restartedAt - allowed);
      expect({ name, lateBy }).toEqual({ name, lateBy: 0 });
    }
    for (const name of [...STEADY, 'hanging']) {
      const rows = await client.untilChecks(idOf(name), { count: 3, after: restartedAt, withinMs: 45_000 });
      expect(doubledSlots(rows)).toEqual([]);
      const resumed = rows.filter((row) => slotOf(row) > restartedAt);
      // An overdue check comes as soon as it can, and leads back to the phase.
      const [first, ...phased] = gapsMs(resumed);
      expect(first).toBeLessThanOrEqual(INTERVAL_MS);
      expect({ name, phased }).toEqual({ name, phased: phased.map(() => INTERVAL_MS) });
      // A death of ours is nobody else's failure.
      const wanted = name === 'hanging' ? 'timeout' : null;
      expect(rows.map(({ failure_class: found }) => found)).toEqual(rows.map(() => wanted));
      expect((await client.target(idOf(name))).status).toBe(name === 'hanging' ? 'DOWN' : 'UP');
    }
  }, 90_000);

  it('should end its worker within 10 s of SIGTERM although a probe of 60 s is running, and check again', async () => {
    farm.answer('/long', 'hang');
    const id = await client.create({
      name: 'long',
      url: `${farm.origin}/long`,
      check_interval_seconds: 60,
      timeout_seconds: 60,
    });
    await until(() => farm.open('/long').length === 1, { what: 'a running probe' });
    const worker = signalTo(stack, 'worker', 'SIGTERM');
    expect(await untilEnded(worker, 15_000)).toBeLessThan(10_000);
    expect(farm.open('/long')).toEqual([]);

    farm.answer('/long', 200);
    await untilReplaced(stack, 'worker', worker);
    await client.untilStatus(id, 'UP', RESUMED_WITHIN_MS);
    expect((await client.checks(id)).map(({ ok }) => ok)).toEqual([true]);
    expect(farm.requests('/long')).toHaveLength(2);
    await client.remove(id);
  }, 60_000);

  it('should say so while no worker works, and still take what users ask for', async () => {
    await until(stack.isHealthy, { what: 'health' });
    signalTo(stack, 'worker', 'SIGSTOP');
    let late = '';
    try {
      const askedAt = Date.now();
      const { status, body } = await client.request('POST', `/http-targets/${idOf('one')}/check`);
      expect(status).toBe(503);
      expect(DetailAnswer.parse(body).detail).toMatch(/worker/i);
      expect(Date.now() - askedAt).toBeLessThan(2_000 + 5_000 + 2_000);

      await until(async () => (await client.request('GET', '/health/ready')).status === 503, { what: '503' });
      const { worker } = Readiness.parse((await client.request('GET', '/health/ready')).body);
      expect(worker.state).not.toBe('up');
      expect(await client.request('GET', '/health')).toEqual({ status: 200, body: { status: 'ok' } });

      expect((await client.request('GET', '/http-targets')).status).toBe(200);
      late = await client.create({ name: 'late', url: `${farm.origin}/late` });
      await client.change(idOf('three'), { name: 'third' });
      await client.remove(idOf('two'));
      expect(farm.requests('/late')).toEqual([]);
    } finally {
      signalTo(stack, 'worker', 'SIGCONT');
    }
    await client.untilStatus(late, 'UP');
    await until(stack.isHealthy, { what: 'health' });
    // What was removed meanwhile is not checked any more.
    const removedAt = Date.now();
    const rows = await client.untilChecks(late, { count: 2, after: removedAt });
    expect(doubledSlots(rows)).toEqual([]);
    expect(farm.requests('/two').filter(({ at }) => at > removedAt)).toEqual([]);
    expect(doubledSlots(await client.checks(idOf('one')))).toEqual([]);
  }, 60_000);
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sendSignal } from '../../src/start/processIdentity.ts';
import { doubledSlots, StackClient } from '../support/stackClient.ts';
import { signalTo, untilReplaced } from '../support/stackProcesses.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { stackWatches } from '../support/stackWatches.ts';
import type { TargetAnswer } from '../support/targetAnswers.ts';
import { startTargetFarm, type TargetFarm } from '../support/targetFarm.ts';
import { until } from '../support/until.ts';

const WORKERS = ['worker', 'worker-2'] as const;
const TARGETS = 10;
const INTERVAL_MS = 5_000;
/** A dead worker is noticed with the next renewal, or when its lease has run out. */
const NOTICED_WITHIN_MS = 10_000;

describe('a stack whose targets are watched by two workers', () => {
  let stack: Stack;
  let client: StackClient;
  let farm: TargetFarm;
  let ids: readonly string[];
  let before: readonly TargetAnswer[];

  beforeAll(async () => {
    [stack, farm] = await Promise.all([startStack({ env: { WORKER_PROCESSES: '2' } }), startTargetFarm()]);
    client = new StackClient(stack);
    farm.answer('/0', 500);
    const names = Array.from({ length: TARGETS }, (_, index) => String(index));
    ids = await Promise.all(names.map((name) => client.create({ name, url: `${farm.origin}/${name}` })));
    await untilWatched(60_000);
    before = await all((id) => client.target(id));
  }, 150_000);

  afterAll(async () => {
    await stack.destroy();
    await farm.close();
  }, 30_000);

  function all<T>(ask: (id: string) => Promise<T>): Promise<T[]> {
    return Promise.all(ids.map(ask));
  }

  async function untilWatched(withinMs: number): Promise<void> {
    const held = async (): Promise<number> => {
      const watches = await stackWatches(stack);
      return WORKERS.map((name) => watches.get(pidOf(name)) ?? 0).reduce((a, b) => a + b, 0);
    };
    await until(async () => (await held()) === TARGETS, {
      withinMs,
      everyMs: 100,
      what: 'a watch of each target',
    });
  }

  function pidOf(name: string): number {
    return stack.processes()[name]?.pid ?? 0;
  }

  async function busiestWorker(): Promise<string> {
    const watches = await stackWatches(stack);
    const count = (name: string): number => watches.get(pidOf(name)) ?? 0;
    return WORKERS.reduce((busiest, name) => (count(name) > count(busiest) ? name : busiest));
  }

  /** All targets are checked again, and by their rows nothing has happened. */
  async function expectCheckedAgain(after: number, withinMs: number): Promise<void> {
    await all((id) => client.untilChecks(id, { after, withinMs }));
    const later = await all((id) => client.untilChecks(id, { count: 3, after }));
    expect(later.map(doubledSlots)).toEqual(ids.map(() => []));
    expect(later.map((own) => own.every(({ ok }) => ok))).toEqual(
      before.map(({ status }) => status === 'UP'),
    );
    const now = await all((id) => client.target(id));
    expect(now.map(whatCounts)).toEqual(before.map(whatCounts));
  }

  it('should check all of them again within seconds when one worker is killed', async () => {
    const name = await busiestWorker();
    const killed = signalTo(stack, name, 'SIGKILL');
    const killedAt = Date.now();
    await expectCheckedAgain(killedAt, NOTICED_WITHIN_MS + INTERVAL_MS);
    await untilReplaced(stack, name, killed);
    await untilWatched(10_000);
  }, 60_000);

  it('should check all of them again when everything is killed and started again', async () => {
    for (const { pid } of Object.values(stack.processes())) sendSignal(pid, 'SIGKILL');
    await stack.exited;
    const { dataDir, ports } = stack;
    stack = await startStack({ dataDir, ports, env: { WORKER_PROCESSES: '2' } });
    client = new StackClient(stack);
    await expectCheckedAgain(Date.now(), NOTICED_WITHIN_MS + INTERVAL_MS);
    await untilWatched(30_000);
  }, 90_000);
});

function whatCounts({ name, status, last_state_change_at }: TargetAnswer) {
  return { name, status, last_state_change_at };
}

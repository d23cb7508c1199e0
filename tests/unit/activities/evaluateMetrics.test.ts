import { describe, expect, it } from '@jest/globals';
import { evaluateShard, packShards } from '../../../src/activities/evaluateMetrics.ts';

const NOTHING = { metrics: 0, breached: 0, recovered: 0, stale: 0 };

describe('#packShards', () => {
  it('puts clients with few metrics together, and leaves a large one alone', () => {
    const clients = [5_000, 14_000, 2_000, 70_000, 1].map((metrics, index) => ({
      clientId: `c${index}`,
      metrics,
    }));
    expect(packShards(clients)).toEqual([
      { clientIds: ['c0', 'c1'], metrics: 19_000 },
      { clientIds: ['c2'], metrics: 2_000 },
      { clientIds: ['c3'], metrics: 70_000 },
      { clientIds: ['c4'], metrics: 1 },
    ]);
    expect(packShards([])).toEqual([]);
  });

  it('keeps the list of a shard short', () => {
    const clients = Array.from({ length: 1_001 }, (_, index) => ({ clientId: `c${index}`, metrics: 1 }));
    expect(packShards(clients).map(({ clientIds }) => clientIds.length)).toEqual([500, 500, 1]);
  });
});

describe('#evaluateShard', () => {
  /** Fails wherever one of `broken` is among the clients: by default with a number that is too large. */
  function shard(clientIds: readonly string[], broken: readonly string[], code: string | null = '22003') {
    const fail = (what: string) =>
      Promise.reject(Object.assign(new Error(`broken: ${what}`), code === null ? {} : { code }));
    const faults: string[] = [];
    const calls: (readonly string[])[] = [];
    const done = evaluateShard(
      {
        evaluation: {
          clients: () => Promise.resolve([]),
          evaluateChunk: (ids) => {
            calls.push(ids);
            if (ids.some((id) => broken.includes(id))) return fail(ids.join());
            return Promise.resolve({
              ...NOTHING,
              metrics: ids.length,
              breached: ids.length,
              nextAfterKey: null,
            });
          },
        },
        clock: { now: () => 0 },
        onFault: (_error, clientId) => faults.push(clientId),
        progress: () => undefined,
      },
      { clientIds },
    );
    return { done, faults, calls };
  }

  it('evaluates all of them together', async () => {
    const { done, calls } = shard(['a', 'b'], []);
    expect(await done).toEqual({ ...NOTHING, metrics: 2, breached: 2, failed: 0 });
    expect(calls).toEqual([['a', 'b']]);
  });

  it('lets one that fails keep no other from it', async () => {
    const { done, faults } = shard(['a', 'b', 'c'], ['b']);
    expect(await done).toEqual({ ...NOTHING, metrics: 2, breached: 2, failed: 1 });
    expect(faults).toEqual(['b']);
  });

  it('fails where all of them do, so that it is tried again', async () => {
    await expect(shard(['a'], ['a']).done).rejects.toThrow('broken: a');
    await expect(shard(['a', 'b'], ['a', 'b']).done).rejects.toThrow('broken: b');
  });

  it('reaches the last one, however many fail before', async () => {
    const clients = Array.from({ length: 100 }, (_, index) => `c${index}`);
    const { done } = shard(clients, clients.slice(0, 99));
    expect(await done).toMatchObject({ metrics: 1, failed: 99 });
  });

  it.each([null, 'ECONNREFUSED', 'EPIPE', '57P01', '08006', '53300', '57014', '55P03'])(
    'does not wait for each of hundreds where Postgres is away, or has too much to do: %s',
    async (code) => {
      const clients = Array.from({ length: 100 }, (_, index) => `c${index}`);
      const { done, calls, faults } = shard(clients, clients, code);
      await expect(done).rejects.toThrow('broken');
      expect(calls).toHaveLength(1);
      expect(faults).toEqual([]);
    },
  );
});

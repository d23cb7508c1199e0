import { describe, expect, it } from '@jest/globals';
import { watchSilence } from '../../../src/activities/watchSilence.ts';
import type { WatchedMachine } from '../../../src/domain/heartbeat.ts';
import { buildHeartbeatSchedule, buildHeartbeatState } from '../../support/buildMachine.ts';
import { until } from '../../support/until.ts';

const machine = (machineId: string): WatchedMachine => ({
  ...{ machineId, clientId: 'client' },
  schedule: buildHeartbeatSchedule(),
  state: buildHeartbeatState({ status: 'down' }),
});

describe('watchSilence', () => {
  it('tells the workflows of those that are found, each once, and goes on whatever fails', async () => {
    const stop = new AbortController();
    const rounds: (() => Promise<string[]>)[] = [
      () => Promise.resolve(['a', 'b']),
      () => Promise.reject(new Error('Postgres is away')),
      () => Promise.reject(new Error('Postgres is away')),
      () => Promise.resolve(['c']),
    ];
    const told: string[] = [];
    const faults: unknown[] = [];
    const watching = watchSilence({
      silence: { judgeAll: () => rounds.shift()?.() ?? Promise.resolve([]) },
      watchedMachines: { findAll: (ids) => Promise.resolve(ids.map(machine)) },
      workflows: {
        configure: ({ machineId }) => {
          told.push(machineId);
          return machineId === 'a' ? Promise.reject(new Error('Temporal is away')) : Promise.resolve();
        },
      },
      signal: stop.signal,
      onFault: (error) => faults.push(error),
    });
    await until(() => told.includes('c'), { what: 'the last one is told' });
    stop.abort();
    await watching;
    expect(told).toEqual(['a', 'b', 'c']);
    expect(faults).toEqual([new Error('Temporal is away')]);
  });
});

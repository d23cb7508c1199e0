import { describe, expect, it } from '@jest/globals';
import { tellingSilence } from '../../../src/activities/tellingSilence.ts';
import { watchSilence } from '../../../src/activities/watchSilence.ts';
import type { WatchedMachine } from '../../../src/domain/heartbeat.ts';
import { buildHeartbeatSchedule, buildHeartbeatState } from '../../support/buildMachine.ts';
import { until } from '../../support/until.ts';

const machine = (machineId: string): WatchedMachine => ({
  ...{ machineId, clientId: 'client' },
  schedule: buildHeartbeatSchedule(),
  state: buildHeartbeatState({ status: 'down' }),
});

/** A Postgres that finds these, one list a judgement; null: it is away. */
function build(rounds: (string[] | null)[]) {
  const told: string[] = [];
  const faults: unknown[] = [];
  const onFault = (error: unknown) => faults.push(error);
  const silence = tellingSilence({
    silence: {
      judgeAll: () => {
        const found = rounds.shift();
        return found === null ? Promise.reject(new Error('Postgres is away')) : Promise.resolve(found ?? []);
      },
      judgements: () => Promise.resolve(new Map()),
    },
    watchedMachines: { findAll: (ids) => Promise.resolve(ids.map(machine)) },
    workflows: {
      configure: ({ machineId }) => {
        told.push(machineId);
        return machineId === 'lost' ? Promise.reject(new Error('Temporal is away')) : Promise.resolve();
      },
    },
    onFault,
  });
  return { silence, told, faults, onFault };
}

describe('tellingSilence', () => {
  it('tells the workflows of those that it finds, whoever has asked', async () => {
    const { silence, told } = build([['a', 'b'], []]);
    expect(await silence.judgeAll()).toEqual(['a', 'b']);
    expect(await silence.judgeAll()).toEqual([]);
    await until(() => told.length === 2, { what: 'both are told' });
    expect(told).toEqual(['a', 'b']);
  });

  it('says whom it could not tell, and keeps the judgement', async () => {
    const { silence, faults } = build([['lost']]);
    expect(await silence.judgeAll()).toEqual(['lost']);
    await until(() => faults.length === 1, { what: 'the fault' });
    expect(faults).toEqual([new Error('Temporal is away')]);
  });
});

describe('watchSilence', () => {
  it('goes on while Postgres is away, and says so once', async () => {
    const stop = new AbortController();
    const { silence, told, faults, onFault } = build([['a'], null, null, ['b']]);
    const watching = watchSilence({ silence, signal: stop.signal, onFault });
    await until(() => told.includes('b'), { what: 'the last one is told' });
    stop.abort();
    await watching;
    expect(told).toEqual(['a', 'b']);
    expect(faults).toEqual([new Error('Postgres is away')]);
  });
});

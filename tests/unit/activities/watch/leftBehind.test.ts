import { beforeEach, describe, expect, it } from '@jest/globals';
import { LeftBehind } from '../../../../src/activities/watch/leftBehind.ts';
import { Watch } from '../../../../src/activities/watch/watch.ts';
import type { CheckToRecord, RecordedCheck } from '../../../../src/db/repositories/checkToRecord.ts';
import { INITIAL_STATE } from '../../../../src/domain/targetState.ts';
import { buildResult, buildSchedule } from '../../../support/buildCheck.ts';

const START = Date.UTC(2026, 0, 1);

let offered: CheckToRecord[];
let faults: string[];
let postgres: (check: CheckToRecord) => RecordedCheck | null;
let leftBehind: LeftBehind;

beforeEach(() => {
  offered = [];
  faults = [];
  postgres = ({ result }) => ({ kind: 'recorded', stored: result, failureThreshold: 2, decided: null });
  leftBehind = new LeftBehind({
    recorder: {
      record: (check) => {
        offered.push(check);
        return Promise.resolve(postgres(check));
      },
    },
    onFault: (error) => faults.push(String(error)),
  });
});

/** A watch with results that Postgres has refused. */
function watchWith(...slots: number[]): Watch {
  const watch = new Watch(
    {
      ...{ targetId: 'id', targetKey: 1, claim: '1', host: 'shop', taskToken: new Uint8Array() },
      ...{ schedule: buildSchedule(), status: 'up', state: INITIAL_STATE },
      ...{ firstSlot: START, slot: START, until: START + 1_800_000, heartbeatAt: START },
    },
    START,
  );
  for (const scheduledAt of slots)
    watch.keep({ result: buildResult({ scheduledAt }), isTransition: false }, START);
  return watch;
}

describe('#LeftBehind', () => {
  it('stores what was seen, whatever has changed since, and decides nothing by it', async () => {
    const watch = watchWith(START, START + 5_000);
    leftBehind.take(watch);
    await leftBehind.stop();
    expect(offered).toMatchObject([
      { targetId: 'id', version: null, watch: 'beside', decide: null, result: { scheduledAt: START } },
      {
        targetId: 'id',
        version: null,
        watch: 'beside',
        decide: null,
        result: { scheduledAt: START + 5_000 },
      },
    ]);
    expect(faults).toEqual([]);
  });

  it('takes each result once', async () => {
    const watch = watchWith(START);
    leftBehind.take(watch);
    leftBehind.take(watch);
    await leftBehind.stop();
    expect(offered).toHaveLength(1);
    expect(watch.backlog).toEqual([]);
  });

  it('says what was lost when it has to stop before Postgres is back', async () => {
    postgres = ({ result }) =>
      result.scheduledAt === START
        ? null
        : { kind: 'recorded', stored: result, failureThreshold: 2, decided: null };
    leftBehind.take(watchWith(START, START + 5_000));
    await leftBehind.stop();
    expect(offered).toHaveLength(2);
    expect(faults).toEqual(['Error: 1 results of a watch were lost']);
  });
});

import { describe, expect, it } from '@jest/globals';
import { Recorder, type Commit } from '../../../src/activities/recorder.ts';
import { ProbeLimits } from '../../../src/activities/watch/probeLimits.ts';
import type { CheckToRecord, RecordedCheck } from '../../../src/db/repositories/checkToRecord.ts';
import { buildResult } from '../../support/buildCheck.ts';
import { until } from '../../support/until.ts';

function recorderOn(record: (checks: readonly CheckToRecord[]) => Promise<RecordedCheck[]>) {
  const commits: Commit[] = [];
  const recorder = new Recorder({
    checks: { record },
    onError: () => undefined,
    onCommit: (commit) => commits.push(commit),
  });
  return { recorder, commits };
}

function buildCheckToRecord(): CheckToRecord {
  const result = buildResult();
  return { targetId: crypto.randomUUID(), result, version: 1, watch: 'instead', decide: null };
}

const take = (checks: readonly CheckToRecord[]): Promise<RecordedCheck[]> =>
  Promise.resolve(checks.map(() => ({ kind: 'deleted' })));

describe('the commits that a recorder tells of', () => {
  it('should be groups, with how long they took', async () => {
    const { recorder, commits } = recorderOn(take);
    const recorded = [1, 2, 3].map(() => recorder.record(buildCheckToRecord()));
    expect(recorder.waitingCount).toBe(3);
    await Promise.all(recorded);
    expect(recorder.waitingCount).toBe(0);
    expect(commits).toEqual([{ groupSize: 3, isRefused: false, tookMs: expect.any(Number) }]);
    expect(commits[0]?.tookMs).toBeLessThan(1_000);
  });

  it('should include those that Postgres refused', async () => {
    const { recorder, commits } = recorderOn((checks) =>
      checks.length > 1
        ? Promise.reject(Object.assign(new Error('bad data'), { code: '22P02' }))
        : take(checks),
    );
    await Promise.all([1, 2].map(() => recorder.record(buildCheckToRecord())));
    expect(commits.map(({ groupSize, isRefused }) => [groupSize, isRefused])).toEqual([
      [2, true],
      [1, false],
      [1, false],
    ]);
  });
});

describe('the probes that wait', () => {
  it('should be those over the cap of their host and those over the cap of all, each once', async () => {
    const limits = new ProbeLimits({ overall: 2, perHost: 1 });
    const release = Promise.withResolvers<undefined>();
    let began = 0;
    const probe = (): Promise<undefined> => {
      began += 1;
      return release.promise;
    };
    const all = ['a', 'a', 'b', 'c'].map((host) => limits.run(host, probe));
    await until(() => began === 2, { what: 'the probes that have their turn' });
    expect(limits.waitingCount).toBe(2);
    release.resolve(undefined);
    await Promise.all(all);
    expect(limits.waitingCount).toBe(0);
  });
});

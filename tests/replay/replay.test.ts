import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { DefaultLogger, Runtime, Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { bundleWorkflows } from '../../temporal/bundle.ts';

jest.setTimeout(60_000);

const HISTORIES = new URL('histories/', import.meta.url);
const names = readdirSync(HISTORIES).filter((name) => name.endsWith('.json'));
let workflowBundle: WorkflowBundleWithSourceMap;

beforeAll(async () => {
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { filter: 'OFF', forward: {} } },
    shutdownSignals: [],
  });
  workflowBundle = await bundleWorkflows();
});

interface HistoryJson {
  readonly events: {
    readonly activityTaskScheduledEventAttributes?: { readonly activityType: { name: string } };
  }[];
}

function read(name: string): HistoryJson {
  return JSON.parse(readFileSync(new URL(name, HISTORIES), 'utf8')) as HistoryJson;
}

describe('histories of earlier runs', () => {
  it('are there', () => {
    expect(names.length).toBeGreaterThanOrEqual(11);
  });

  it.each(names)('still replay: %s', async (name) => {
    await Worker.runReplayHistory({ workflowBundle }, historyFromJSON(read(name)));
  });

  it.each([
    ['http-target-up-down-up.json', 'checkTarget'],
    ['http-target-watched.json', 'watchTarget'],
    ['rollups.json', 'rollUpChecks'],
    ['retention.json', 'dropExpired'],
  ])('would be refused by a workflow that does something else: %s', async (name, activity) => {
    const history = read(name);
    const scheduled = history.events
      .map((event) => event.activityTaskScheduledEventAttributes?.activityType)
      .find((type) => type?.name === activity);
    if (scheduled === undefined) throw new Error(`no ${activity} recorded`);
    scheduled.name = 'somethingElse';
    await expect(Worker.runReplayHistory({ workflowBundle }, historyFromJSON(history))).rejects.toThrow(
      /determinism|Nondeterminism/i,
    );
  });
});

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
    expect(names.length).toBeGreaterThanOrEqual(6);
  });

  it.each(names)('still replay: %s', async (name) => {
    await Worker.runReplayHistory({ workflowBundle }, historyFromJSON(read(name)));
  });

  it('would be refused by a workflow that does something else', async () => {
    const history = read('http-target-up-down-up.json');
    const scheduled = history.events.find(
      (event) => event.activityTaskScheduledEventAttributes !== undefined,
    );
    if (scheduled?.activityTaskScheduledEventAttributes === undefined)
      throw new Error('no activity recorded');
    scheduled.activityTaskScheduledEventAttributes.activityType.name = 'somethingElse';
    await expect(Worker.runReplayHistory({ workflowBundle }, historyFromJSON(history))).rejects.toThrow(
      /determinism|Nondeterminism/i,
    );
  });
});

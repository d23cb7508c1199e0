/**
 * Writes the histories that `replay.test.ts` holds the workflows to: run it (`make record-histories`) when a
 * workflow changes before it is released. Afterwards histories only ever get added, and changes go behind
 * `patched()`. With names it records these alone.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { startTimeSkipping } from '../support/timeSkipping.ts';
import { alertsSwept, toldAndRetried } from './alertingScenarios.ts';
import {
  heartbeatsSwept,
  machineCarried,
  machineDeleted,
  machineMessages,
  machineOutages,
  machineSilent,
} from './machineScenarios.ts';
import type { Scenario } from './scenario.ts';
import { evaluated, reconciled, retained, rolledUp, selfTested } from './serviceScenarios.ts';
import { healthAndSickness, lostMessage, messages, postgresAway } from './targetScenarios.ts';
import { watched, watchedWithMessages, watchesThatEnd } from './watchScenarios.ts';

const HISTORIES = new URL('histories/', import.meta.url);
const wanted = process.argv.slice(2);

const temporal = await startTimeSkipping();
try {
  await mkdir(HISTORIES, { recursive: true });
  await record('http-target-up-down-up', healthAndSickness());
  await record('http-target-messages', messages());
  await record('http-target-postgres-away', postgresAway());
  await record('http-target-lost-message', lostMessage());
  await record('http-target-watched', watched(temporal));
  await record('http-target-watched-messages', watchedWithMessages(temporal));
  await record('http-target-watches-that-end', watchesThatEnd());
  await record('machine-heartbeat-silent', machineSilent());
  await record('machine-heartbeat-messages', machineMessages());
  await record('machine-heartbeat-carried', machineCarried());
  await record('machine-heartbeat-outages', machineOutages());
  await record('machine-heartbeat-deleted', machineDeleted());
  await record('heartbeat-sweep', heartbeatsSwept());
  await record('notifications', toldAndRetried());
  await record('alert-sweep', alertsSwept());
  await record('reconcile', reconciled());
  await record('rollups-with-samples', rolledUp());
  await record('evaluation', evaluated());
  await record('retention', retained());
  await record('self-test', selfTested());
} finally {
  await temporal.teardown();
}

async function record(name: string, scenario: Scenario): Promise<void> {
  if (wanted.length > 0 && !wanted.includes(name)) return;
  const history = await temporal.withWorker(scenario.activities, async (taskQueue) => {
    const { workflowId, firstExecutionRunId } = await scenario.play(taskQueue, temporal);
    return temporal.env.client.workflow.getHandle(workflowId, firstExecutionRunId).fetchHistory();
  });
  // Who recorded it, and where, is nobody's business.
  const json = historyToJSON(history)
    .replaceAll(/"identity": "[^"]*"/g, '"identity": "recorder"')
    .replaceAll(/"stackTrace": "[^"]*"/g, '"stackTrace": ""');
  await writeFile(new URL(`${name}.json`, HISTORIES), `${json}\n`);
  process.stdout.write(`${name}: ${history.events?.length ?? 0} events\n`);
}

/** `make reconcile [FORCE=1]`: runs the reconcile workflow now and prints what it did. */
import type { reconcile } from '../src/workflows/index.ts';
import { loadConfig } from '../src/config.ts';
import { connectTemporal } from '../temporal/client.ts';
import { reconcileId, taskQueue } from '../temporal/names.ts';
import { runScript } from './runScript.ts';

const LIMIT_MS = 120_000;

await runScript(async () => {
  const { temporal: config } = loadConfig();
  const temporal = connectTemporal(config);
  try {
    console.log('Reconciling workflows with the database …');
    const report = await temporal.within(LIMIT_MS, () =>
      temporal.client.workflow.execute<typeof reconcile>('reconcile', {
        workflowId: `${reconcileId(config.taskQueuePrefix)}-by-hand-${Date.now()}`,
        taskQueue: taskQueue(config.taskQueuePrefix),
        args: [{ force: process.argv.includes('--force') }],
      }),
    );
    const { targets, started, configured, retired, watchesLost, failed, refused } = report;
    console.log(
      `${targets} targets: started ${started}, configured ${configured}, retired ${retired}, ` +
        `watches lost ${watchesLost}, failed ${failed}.`,
    );
    if (refused > 0) {
      throw new Error(
        `${refused} running workflows have no row, more than a tenth of all: is this the right database? ` +
          'If it is, end them with make reconcile FORCE=1.',
      );
    }
  } finally {
    await temporal.close();
  }
});

/** `make reconcile [FORCE=1]`: compares all targets and machines with their workflows now and prints what was done. */
import type { heartbeatSweep, reconcile } from '../src/workflows/index.ts';
import { loadConfig } from '../src/config.ts';
import { connectTemporal } from '../temporal/client.ts';
import { heartbeatSweepId, reconcileId, taskQueue } from '../temporal/names.ts';
import { runScript } from './runScript.ts';

const LIMIT_MS = 120_000;

await runScript(async () => {
  const { temporal: config } = loadConfig();
  const temporal = connectTemporal(config);
  const { workflow } = temporal.client;
  const force = process.argv.includes('--force');
  const runOf = (id: string) => ({
    workflowId: `${id}-by-hand-${Date.now()}`,
    taskQueue: taskQueue(config.taskQueuePrefix),
    args: [{ force }] satisfies [unknown],
  });
  try {
    console.log('Reconciling workflows with the database …');
    const targets = await temporal.within(LIMIT_MS, () =>
      workflow.execute<typeof reconcile>('reconcile', runOf(reconcileId(config.taskQueuePrefix))),
    );
    console.log(
      `${targets.targets} targets: ${describe(targets)}, watches lost ${targets.watchesLost}, failed ${targets.failed}.`,
    );
    const machines = await temporal.within(LIMIT_MS, () =>
      workflow.execute<typeof heartbeatSweep>(
        'heartbeatSweep',
        runOf(heartbeatSweepId(config.taskQueuePrefix)),
      ),
    );
    console.log(
      `${machines.machines} machines: ${describe(machines)}, fell silent ${machines.silent}, failed ${machines.failed}.`,
    );
    const refused = targets.refused + machines.refused;
    if (refused > 0) {
      throw new Error(
        `${refused} running workflows have no row, more than a tenth of their kind: is this the right database? ` +
          'If it is, end them with make reconcile FORCE=1.',
      );
    }
  } finally {
    await temporal.close();
  }
});

function describe(report: { started: number; configured: number; retired: number }): string {
  return `started ${report.started}, configured ${report.configured}, retired ${report.retired}`;
}

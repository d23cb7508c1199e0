/**
 * `make check ID=<uuid>`: checks one target now and prints what it finds. Exit code 0 when the check passed, 2
 * when it failed, 1 when it could not be made (make itself turns every failure into 2).
 */
import { loadConfig } from '../src/config.ts';
import { createSecretBox } from '../src/db/encryption.ts';
import { createOrm } from '../src/db/orm.ts';
import { readInstallationId, WatchedTargetRepository } from '../src/db/repositories/watchedTargets.ts';
import { connectTemporal } from '../temporal/client.ts';
import { createHttpTargetWorkflows } from '../temporal/httpTargetWorkflows.ts';
import { runScript } from './runScript.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

await runScript(async () => {
  const id = process.argv[2] ?? '';
  if (!UUID.test(id))
    throw new Error('Which target? Give its id: make check ID=<uuid> (GET /api/v1/http-targets lists them).');
  const config = loadConfig();
  const orm = createOrm({ url: config.database.url, applicationName: 'monitoring-check', poolSize: 1 });
  const temporal = connectTemporal(config.temporal);
  try {
    const watched = await new WatchedTargetRepository(
      orm.em.fork(),
      createSecretBox(config.encryptionKey),
    ).find(id);
    if (watched === null) throw new Error(`There is no target ${id}.`);
    const workflows = createHttpTargetWorkflows({
      temporal,
      taskQueuePrefix: config.temporal.taskQueuePrefix,
      installationId: () => readInstallationId(orm.em.fork()),
      onLeftToReconcile: () => undefined, // checkNow hands nothing on
    });
    console.log(`Checking "${watched.target.name}" (waits up to ${watched.target.timeoutSeconds + 5} s) …`);
    const { result, status } = await workflows.checkNow(watched, crypto.randomUUID());
    const found =
      result.failureClass === null
        ? `passed: ${result.statusCode ?? 'answer'} in ${result.timings.totalMs} ms`
        : `failed (${result.failureClass}): ${result.errorMessage ?? ''}`;
    console.log(`${found}; the target is ${status.toUpperCase()}`);
    if (result.failureClass !== null) process.exitCode = 2;
  } finally {
    await Promise.all([orm.close(), temporal.close()]);
  }
});

import { execFile } from 'node:child_process';
import { access, chmod, mkdtemp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const VERSION = '1.31.0';
const POM = fileURLToPath(new URL('pom.xml', import.meta.url));
const run = promisify(execFile);

/**
 * Temporal's Java test server, which skips time: its jars are fetched once and cached outside the checkout.
 *
 * @returns the path of a start script, or null without Java and Maven (the SDK then downloads its own build)
 */
export async function timeSkippingServerBinary(): Promise<string | null> {
  const cacheRoot = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'monitoring-server');
  const home = join(cacheRoot, `time-skipping-server-${VERSION}`);
  const script = join(home, 'start.sh');
  if (await exists(script)) return script;
  if (!(await hasJava())) return null;
  await mkdir(cacheRoot, { recursive: true });
  const building = await mkdtemp(join(cacheRoot, 'building-'));
  try {
    await run('mvn', [
      '-q',
      '-B',
      '-f',
      POM,
      'dependency:copy-dependencies',
      `-DoutputDirectory=${building}`,
    ]);
    const start = '#!/bin/sh\nexec java -cp "$(dirname "$0")/*" io.temporal.testserver.TestServer "$@"\n';
    await writeFile(join(building, 'start.sh'), start);
    await chmod(join(building, 'start.sh'), 0o755);
    await rename(building, home);
  } catch (error) {
    await rm(building, { recursive: true, force: true });
    if (!(await exists(script))) throw error; // another process was first
  }
  return script;
}

async function hasJava(): Promise<boolean> {
  try {
    await Promise.all([run('java', ['-version']), run('mvn', ['-version'])]);
    return true;
  } catch {
    return false;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

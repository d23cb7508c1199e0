#!/usr/bin/env node
/*
 * Plain JavaScript, and nothing imported before the version is known: an old Node must get as far as handing over to
 * the one that comes with this package.
 */
const NEEDED = [24, 9];

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const isOld = major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1]);
process.exitCode = isOld ? await handOver() : await run();

async function run() {
  // Compiled code is kept from the last start, so that the compiler of its TypeScript need not be loaded.
  const { enableCompileCache } = await import('node:module');
  enableCompileCache(
    process.env.NODE_COMPILE_CACHE ?? `${import.meta.dirname}/../../node_modules/.cache/node`,
  );
  try {
    const { runAsProcess } = await import('./process.ts');
    // Its connections and timers need not be waited for.
    process.exit(await runAsProcess(process.env));
  } catch (error) {
    if (error?.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const [, name] = /'([^']+)'/.exec(error.message) ?? [];
    return fail(`Dependencies are missing (${name ?? 'see npm ls'}): run npm install.`);
  }
}

/** Runs the same in the package's own Node, and ends as that does. */
async function handOver() {
  const { spawn } = await import('node:child_process');
  const { existsSync } = await import('node:fs');
  const { fileURLToPath } = await import('node:url');
  const node = fileURLToPath(new URL('../../node_modules/.bin/node', import.meta.url));
  if (!existsSync(node)) {
    return fail(
      `This needs Node ${NEEDED.join('.')} or newer and runs on ${process.versions.node}: run npm install in its package, which brings one.`,
    );
  }
  // The channel tells it when we are gone, even by SIGKILL.
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(fail(`${node} cannot be started: ${error.message}`)));
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

/** @param {string} sentence */
function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  return 1;
}

/*
 * Plain JavaScript, and nothing imported before the version is known: an old Node must get as far as the sentence
 * about it.
 */
const NEEDED = [24, 9];

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1])) {
  fail(
    `This needs Node ${NEEDED.join('.')} or newer and runs on ${process.versions.node}: use make start or npm start, which bring their own.`,
  );
}

// Compiled code is kept from the last start, so that the compiler of its TypeScript need not be loaded.
const { enableCompileCache } = await import('node:module');
enableCompileCache(process.env.NODE_COMPILE_CACHE ?? `${import.meta.dirname}/../../node_modules/.cache/node`);

try {
  const { supervise } = await import('./supervisor.ts');
  process.exit(await supervise());
} catch (error) {
  if (error?.code !== 'ERR_MODULE_NOT_FOUND') throw error;
  const [, name] = /'([^']+)'/.exec(error.message) ?? [];
  fail(`Dependencies are missing (${name ?? 'see npm ls'}): run npm install, or make start, which does.`);
}

/** @param {string} sentence */
function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

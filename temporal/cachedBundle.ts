import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { takeLock } from '../src/start/processLock.ts';
import { pause } from '../src/start/waitFor.ts';
import { bundleElsewhere } from './bundleElsewhere.ts';
import { bundleKey } from './bundleKey.ts';

const PREFIX = 'workflows-';
const HASH_LENGTH = 64;
const LOOK_EVERY_MS = 50;

export interface CachedBundleOptions {
  /** Made when it is missing; where it cannot be written, each start makes its own bundle. */
  readonly directory: string;
  readonly signal: AbortSignal;
  /** Told why the cache could not be used. */
  readonly onCacheFailure: (error: unknown) => void;
  /** Names the bundle (default: by its sources). */
  readonly key?: string;
  /** Makes it (default: a process of its own). */
  readonly make?: (signal: AbortSignal) => Promise<string>;
}

/**
 * The code of all workflows, from the file that an earlier start left or made anew. Of several workers that start
 * at once one makes it and the others wait for its file. A file that is cut short or damaged is made anew.
 *
 * @throws what making it throws, or the signal's reason
 */
export async function cachedBundle(options: CachedBundleOptions): Promise<string> {
  const { directory, signal, onCacheFailure, make = bundleElsewhere } = options;
  const name = `${PREFIX}${options.key ?? bundleKey()}`;
  const file = join(directory, `${name}.js`);
  let release = (): void => undefined;
  try {
    mkdirSync(directory, { recursive: true });
    for (;;) {
      const found = read(file);
      if (found !== null) return found;
      const lock = takeLock(join(directory, `${name}.lock`));
      if (lock.held) {
        release = lock.release;
        break;
      }
      await pause(LOOK_EVERY_MS, signal);
    }
  } catch (error) {
    if (signal.aborted) throw error;
    onCacheFailure(error);
    return make(signal);
  }
  try {
    // Somebody may have finished it between the look and the lock.
    const found = read(file);
    if (found !== null) return found;
    const code = await make(signal);
    await write(file, code).catch(onCacheFailure);
    return code;
  } finally {
    release();
  }
}

/** The code, or null when there is none that is whole. */
function read(file: string): string | null {
  try {
    const text = readFileSync(file, 'utf8');
    const code = text.slice(HASH_LENGTH + 1);
    return text.startsWith(`${hashOf(code)}\n`) ? code : null;
  } catch {
    return null;
  }
}

/** In one step, so that nobody reads half of it; bundles of other versions go. */
async function write(file: string, code: string): Promise<void> {
  const incomplete = `${file}.${process.pid}`;
  try {
    await writeFile(incomplete, `${hashOf(code)}\n${code}`, { mode: 0o600 });
    await rename(incomplete, file);
  } finally {
    rmSync(incomplete, { force: true });
  }
  const directory = join(file, '..');
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (name.startsWith(PREFIX) && name.endsWith('.js') && path !== file) rmSync(path, { force: true });
  }
}

function hashOf(code: string): string {
  return createHash('sha256').update(code).digest('hex');
}

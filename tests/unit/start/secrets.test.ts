import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { keepSecrets } from '../../../src/start/secrets.ts';

const NAMES = [
  'ENCRYPTION_KEY',
  'JWT_SECRET',
  'POSTGRES_PASSWORD',
  'SEED_API_KEY',
  'SEED_USER_EMAIL',
  'SEED_USER_PASSWORD',
];

describe('the secrets of an embedded stack', () => {
  let dataDir: string;
  let path: string;

  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'secrets-'));
    path = join(dataDir, 'secrets.env');
  });

  afterEach(() => rmSync(dataDir, { recursive: true }));

  const kept = (): NodeJS.Dict<string> => parseEnv(readFileSync(path, 'utf8'));

  it('should be generated once, for nobody else to read', () => {
    keepSecrets(dataDir, {});
    const first = kept();
    expect(Object.keys(first).sort()).toEqual(NAMES);
    expect(first['SEED_USER_EMAIL']).toBe('dev@example.com');
    expect(Buffer.from(first['ENCRYPTION_KEY'] ?? '', 'base64')).toHaveLength(32);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    keepSecrets(dataDir, {});
    expect(kept()).toEqual(first);
    expect(readdirSync(dataDir)).toEqual(['secrets.env']);
  });

  it('should differ from stack to stack', () => {
    keepSecrets(dataDir, {});
    const first = kept();
    rmSync(path);
    keepSecrets(dataDir, {});
    for (const name of NAMES.filter((one) => one !== 'SEED_USER_EMAIL'))
      expect(kept()[name]).not.toBe(first[name]);
  });

  it('should not be stored when they are given', () => {
    keepSecrets(dataDir, { SEED_API_KEY: 'given-in-the-environment', JWT_SECRET: 'given too' });
    expect(Object.keys(kept())).not.toContain('SEED_API_KEY');
    expect(Object.keys(kept())).not.toContain('JWT_SECRET');
    expect(Object.keys(kept())).toHaveLength(NAMES.length - 2);
  });

  it('should be completed and never changed', () => {
    writeFileSync(path, '# mine\nSEED_API_KEY="a key of my own"\nOTHER=thing');
    keepSecrets(dataDir, {});
    expect(readFileSync(path, 'utf8')).toMatch(
      /^# mine\nSEED_API_KEY="a key of my own"\nOTHER=thing\nSEED_USER_EMAIL=/,
    );
    expect(kept()['SEED_API_KEY']).toBe('a key of my own');
    expect(Object.keys(kept()).sort()).toEqual([...NAMES, 'OTHER'].sort());
  });

  it('should be closed to others again when somebody has opened the file', () => {
    keepSecrets(dataDir, {});
    chmodSync(path, 0o644);
    keepSecrets(dataDir, {});
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('should say when the file cannot be read', () => {
    symlinkSync(path, path);
    expect(() => keepSecrets(dataDir, {})).toThrow(
      `The secrets of this stack in ${path} cannot be read (ELOOP)`,
    );
  });
});

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findApiKey, type KeySources } from '../../../src/agent/apiKey.ts';

const NONE: KeySources = {
  ...{ flag: undefined, flagFile: undefined, environment: undefined },
  ...{ config: null, configFile: null, configPath: null },
};

describe('the API key of an agent', () => {
  let directory: string;
  let path: string;
  let warnings: string[];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'agent-key-'));
    path = join(directory, 'key');
    warnings = [];
    writeFileSync(path, 'from-file\n', { mode: 0o600 });
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  const find = (sources: Partial<KeySources>): string =>
    findApiKey({ ...NONE, ...sources }, (line) => warnings.push(line));

  it('should come from the flag first, and the config file last', () => {
    const all = { flag: 'a', flagFile: path, environment: 'c', config: 'd', configFile: path };
    expect(find(all)).toBe('a');
    expect(find({ ...all, flag: undefined })).toBe('from-file');
    expect(find({ ...all, flag: undefined, flagFile: undefined })).toBe('c');
    expect(find({ config: 'd', configFile: path })).toBe('d');
    expect(find({ environment: '', configFile: path })).toBe('from-file');
  });

  it('should warn when others can read it', () => {
    expect(find({ flagFile: path })).toBe('from-file');
    expect(warnings).toEqual([]);
    chmodSync(path, 0o644);
    find({ flagFile: path });
    find({ config: 'd', configPath: path });
    const expected = `${path} holds the API key and everybody on this machine can read it: chmod 640 ${path}`;
    expect(warnings).toEqual([expected, expected]);
    find({ flag: 'a' });
    expect(warnings[2]).toMatch(/--key-file/);
  });

  it('should say what is missing', () => {
    expect(() => find({})).toThrow(/^There is no API key: give it in a file with --key-file/);
    expect(() => find({ flagFile: join(directory, 'none') })).toThrow(
      /^--key-file: \S+ cannot be read \(ENOENT\): name a file that this user may read\.$/,
    );
  });

  it.each(['', 'two words', 'line\nline', 'naïve'])('should refuse %j without repeating it', (key) => {
    writeFileSync(path, key);
    expect(() => find({ flagFile: path })).toThrow(
      `--key-file ${path} holds no API key: it should be one line of letters, digits and signs.`,
    );
  });
});

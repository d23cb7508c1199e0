import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parseConfig, type AgentConfig } from '../../../src/agent/config.ts';
import { readConfigFile } from '../../../src/agent/configFile.ts';
import { parseFlags } from '../../../src/agent/flags.ts';
import { readSettings, removeKey } from '../../../src/agent/settings.ts';

const configOf = (content: unknown): AgentConfig =>
  parseConfig({ file: { path: 'a.yaml', content }, flags: [] });

describe('the config of an agent', () => {
  it('should need nothing but have its defaults', () => {
    expect(configOf({})).toEqual({
      ...{ server: null, hostname: null, key: null, keyFile: null, intervalMs: 30_000 },
      buffer: { directory: null, maxBytes: 64 * 1_048_576, maxBatches: 2_880 },
      ...{ disks: null, interfaces: null, services: [], versions: [], commands: [] },
    });
  });

  it('should take a line for the shell, or a program with its arguments', () => {
    const { commands } = configOf({
      interval_seconds: 5,
      metrics: [
        { name: 'mail_queue', type: 'numeric', unit: 'mails', command: 'mailq | wc -l' },
        { name: 'raid_ok', type: 'boolean', command: ['/bin/raid', '--check'], timeout_seconds: 2 },
      ],
    });
    expect(commands).toEqual([
      {
        ...{ name: 'mail_queue', type: 'numeric', unit: 'mails', timeoutMs: 5_000 },
        command: ['/bin/sh', '-c', 'mailq | wc -l'],
      },
      { name: 'raid_ok', type: 'boolean', unit: null, command: ['/bin/raid', '--check'], timeoutMs: 2_000 },
    ]);
  });

  it('should keep as many batches as its hours make at its interval', () => {
    expect(configOf({ interval_seconds: 60, buffer: { max_hours: 2, max_mib: 1 } }).buffer).toEqual({
      ...{ directory: null, maxBytes: 1_048_576, maxBatches: 120 },
    });
  });

  it.each([
    ['https://m.example.com/', 'https://m.example.com'],
    ['https://m.example.com/monitoring//', 'https://m.example.com/monitoring'],
    ['http://127.0.0.1:8000', 'http://127.0.0.1:8000'],
  ])('should read the server %s', (server, expected) => {
    expect(configOf({ server }).server).toBe(expected);
  });

  it.each<[string, unknown, string]>([
    ['a list', [], 'a.yaml should be settings, each as name: value.'],
    [
      'an unknown setting',
      { intervall: 3 },
      'a.yaml has no setting intervall: remove it, or correct its name (docs/agent.md lists all).',
    ],
    [
      'an unknown setting of a group',
      { buffer: { size: 3 } },
      'a.yaml: buffer has no setting size: remove it, or correct its name (docs/agent.md lists all).',
    ],
    [
      'no interval',
      { interval_seconds: 0 },
      'a.yaml: interval_seconds should be a whole number from 1 to 3600.',
    ],
    [
      'more hours than the server remembers ids',
      { buffer: { max_hours: 145 } },
      'a.yaml: buffer.max_hours should be a whole number from 1 to 144.',
    ],
    [
      'half seconds',
      { interval_seconds: 1.5 },
      'a.yaml: interval_seconds should be a whole number from 1 to 3600.',
    ],
    [
      'a truth',
      { interval_seconds: true },
      'a.yaml: interval_seconds should be a whole number from 1 to 3600.',
    ],
    [
      'no address',
      { server: 'm.example.com' },
      'a.yaml: server should be an address like https://monitoring.example.com.',
    ],
    [
      'another protocol',
      { server: 'ftp://m' },
      'a.yaml: server should be an address like https://monitoring.example.com.',
    ],
    [
      'the path of the API',
      { server: 'https://m/api/v1/' },
      'a.yaml: server should end before /api/v1, which the agent adds.',
    ],
    [
      'a login',
      { server: 'https://a:b@m' },
      'a.yaml: server should have neither a user name nor anything after ? or #.',
    ],
    [
      'two lines',
      { hostname: 'a\nb' },
      'a.yaml: hostname should be 1 to 253 characters without control characters.',
    ],
    ['one service', { services: 'nginx' }, 'a.yaml: services should be a list.'],
    [
      'a flag as a service',
      { services: ['nginx', '--now'] },
      'a.yaml: services[1] should be the name of a service, of letters, digits and : _ . @ -.',
    ],
    [
      'a type that is none',
      { metrics: [{ name: 'a', type: 'number', command: 'x' }] },
      'a.yaml: metrics[0].type should be one of numeric, boolean, string.',
    ],
    [
      'no command',
      { metrics: [{ name: 'a', type: 'string', command: [] }] },
      'a.yaml: metrics[0].command should be a line for the shell, or a list of a program and its arguments.',
    ],
    [
      'a unit of a text',
      { metrics: [{ name: 'a', type: 'string', unit: 's', command: 'x' }] },
      'a.yaml: metrics[0].unit should be left out: only numeric metrics have one.',
    ],
    [
      'a command that may take longer than the interval',
      { metrics: [{ name: 'a', type: 'string', command: 'x', timeout_seconds: 31 }] },
      'a.yaml: metrics[0].timeout_seconds should be at most the interval, which is 30 seconds.',
    ],
  ])('should refuse %s', (_what, content, message) => {
    expect(() => configOf(content)).toThrow(new Error(message));
  });

  it('should name software that it knows', () => {
    expect(configOf({ versions: ['node', 'postgresql'] }).versions).toEqual(['node', 'postgresql']);
    expect(() => configOf({ versions: ['left-pad'] })).toThrow(
      /^a\.yaml: versions\[0\] should be one of apache, /,
    );
  });
});

describe('the settings of an agent', () => {
  let directory: string;
  let path: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'agent-'));
    path = join(directory, 'agent.yaml');
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  const settings = (...args: string[]) => readSettings(parseFlags(['--config', path, ...args]), {});

  it('should come from flags before the file', () => {
    writeFileSync(path, 'server: https://one\nhostname: web-01\nbuffer:\n  directory: /one\n  max_mib: 1\n');
    const { config, hostname, bufferDirectory } = settings(
      ...['--server', 'https://two', '--interval', '5', '--hostname', 'web-02', '--buffer', '/two'],
    );
    expect(config).toMatchObject({ server: 'https://two', intervalMs: 5_000 });
    expect(hostname).toBe('web-02');
    expect(bufferDirectory).toBe('/two');
    expect(config.buffer.maxBytes).toBe(1_048_576);
  });

  it('should name the flag that is wrong', () => {
    writeFileSync(path, '');
    expect(() => settings('--interval', 'often')).toThrow(
      '--interval should be a whole number from 1 to 3600.',
    );
    expect(() => parseFlags(['--now'])).toThrow("Unknown option '--now': see monitoring-agent --help.");
    expect(() => parseFlags(['now'])).toThrow(/^Unexpected argument 'now'/);
  });

  it('should leave a wrong group of the file to be refused', () => {
    writeFileSync(path, 'buffer: big\n');
    expect(() => settings('--buffer', '/two')).toThrow(
      `${path}: buffer should have directory, max_mib or max_hours below it.`,
    );
  });

  it('should keep the key away from commands', () => {
    writeFileSync(path, '');
    const flags = parseFlags(['--config', path]);
    const environment = { MONITORING_API_KEY: 'secret', CREDENTIALS_DIRECTORY: '/run/secret', PATH: '/bin' };
    const { env, access } = readSettings(flags, environment);
    expect(env).toEqual({ PATH: '/bin' });
    expect(() => access(() => undefined)).toThrow(/^There is no server/);
    removeKey(environment);
    expect(environment).toEqual({ PATH: '/bin' });
  });

  it('should say when there is no server', () => {
    writeFileSync(path, '');
    expect(() => settings().access(() => undefined)).toThrow(
      'There is no server: name it with --server, or as server in the config.',
    );
  });

  it.each([
    [
      'http://monitoring.example.com',
      ['the API key goes to monitoring.example.com in the clear: use https there.'],
    ],
    ['https://monitoring.example.com', []],
    ['http://127.0.0.1:8000', []],
    ['http://[::1]:8000', []],
  ])('should warn when the key would be readable on its way to %s', (server, expected) => {
    writeFileSync(path, '');
    const warnings: string[] = [];
    const { access } = readSettings(parseFlags(['--config', path, '--server', server]), {
      MONITORING_API_KEY: 'k',
    });
    expect(access((line) => warnings.push(line))).toMatchObject({ server, apiKey: 'k' });
    expect(warnings).toEqual(expected);
  });

  it('should say where a file is no YAML, and quote none of it', () => {
    writeFileSync(path, 'server: https://one\nkey: "secret\n');
    expect(() => readConfigFile(path)).toThrow(
      /^The config \S+ is no YAML from line 3, column 1 on \([a-z ]+\): correct it there\.$/,
    );
    writeFileSync(path, 'key: secret\nkey: other\n');
    expect(() => readConfigFile(path)).toThrow(/from line 2, column 1 on \(duplicate key\)/);
  });

  it('should say when a file is not there', () => {
    expect(() => readConfigFile(path)).toThrow(
      `The config ${path} cannot be read (ENOENT): name one that this user may read with --config.`,
    );
  });
});

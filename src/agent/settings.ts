import { hostname } from 'node:os';
import { AgentError } from './agentError.ts';
import { findApiKey } from './apiKey.ts';
import { defaultBufferDirectory } from './bufferDirectory.ts';
import { parseConfig, type AgentConfig, type FlagSetting } from './config.ts';
import { readConfigFile } from './configFile.ts';
import type { Flags } from './flags.ts';
import type { ServerAccess } from './sender.ts';
import { agentVersion } from './version.ts';

const KEY_VARIABLE = 'MONITORING_API_KEY';
/** Variables that hold the key, or the directory that it is in. */
const KEY_VARIABLES: readonly string[] = [KEY_VARIABLE, 'CREDENTIALS_DIRECTORY'];

/** What the agent goes by: flags before the config file before what applies anyway. */
export interface Settings {
  readonly config: AgentConfig;
  readonly hostname: string;
  readonly bufferDirectory: string;
  /** The environment for commands: without the key, and without where systemd has put it. */
  readonly env: NodeJS.ProcessEnv;
  /** How to reach the server; reads the key. @throws AgentError when server or key is missing */
  readonly access: (warn: (line: string) => void) => ServerAccess;
}

/** @throws AgentError naming what is wrong */
export function readSettings(flags: Flags, environment: NodeJS.ProcessEnv): Settings {
  const file = readConfigFile(flags.config);
  const config = parseConfig({ file, flags: settingsOf(flags) });
  return {
    config,
    hostname: config.hostname ?? hostname(),
    bufferDirectory: config.buffer.directory ?? defaultBufferDirectory(environment),
    env: withoutKey(environment),
    access: (warn) => ({
      server: checkedServer(config.server, warn),
      apiKey: findApiKey(
        {
          flag: flags.key,
          flagFile: flags['key-file'],
          environment: environment[KEY_VARIABLE],
          config: config.key,
          configFile: config.keyFile,
          configPath: file?.path ?? null,
        },
        warn,
      ),
      userAgent: `monitoring-agent/${agentVersion()}`,
    }),
  };
}

function withoutKey(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !KEY_VARIABLES.includes(name)));
}

/** Takes the key out of an environment that programs are started with. */
export function removeKey(environment: NodeJS.ProcessEnv): void {
  for (const name of KEY_VARIABLES) Reflect.deleteProperty(environment, name);
}

function settingsOf({ server, hostname: name, interval, buffer }: Flags): FlagSetting[] {
  const settings = [
    { flag: '--server', setting: ['server'], value: server },
    { flag: '--hostname', setting: ['hostname'], value: name },
    { flag: '--interval', setting: ['interval_seconds'], value: interval },
    { flag: '--buffer', setting: ['buffer', 'directory'], value: buffer },
  ] as const;
  return settings.flatMap(({ flag, setting, value }) =>
    value === undefined ? [] : [{ flag, setting, value }],
  );
}

function checkedServer(server: string | null, warn: (line: string) => void): string {
  if (server === null) {
    throw new AgentError('There is no server: name it with --server, or as server in the config.');
  }
  const { protocol, hostname: host } = new URL(server);
  if (protocol === 'http:' && !/^(localhost|127\.[\d.]+|\[::1\])$/.test(host)) {
    warn(`the API key goes to ${host} in the clear: use https there.`);
  }
  return server;
}

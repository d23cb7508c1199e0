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

/** What the agent goes by: flags before the config file before what applies anyway. */
export interface Settings {
  readonly config: AgentConfig;
  readonly hostname: string;
  readonly bufferDirectory: string;
  /** The environment without the key, for commands. */
  readonly env: NodeJS.ProcessEnv;
  /** How to reach the server; reads the key. @throws AgentError when server or key is missing */
  readonly access: (warn: (line: string) => void) => ServerAccess;
}

/** @throws AgentError naming what is wrong */
export function readSettings(flags: Flags, environment: NodeJS.ProcessEnv): Settings {
  const file = readConfigFile(flags.config);
  const config = parseConfig({ file, flags: settingsOf(flags) });
  const { [KEY_VARIABLE]: key, ...env } = environment;
  return {
    config,
    hostname: config.hostname ?? hostname(),
    bufferDirectory: config.buffer.directory ?? defaultBufferDirectory(environment),
    env,
    access: (warn) => ({
      server: checkedServer(config.server, warn),
      apiKey: findApiKey(
        {
          flag: flags.key,
          flagFile: flags['key-file'],
          environment: key,
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

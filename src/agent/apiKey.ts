import { readFileSync, statSync } from 'node:fs';
import { systemErrorCode } from '../start/startError.ts';
import { AgentError } from './agentError.ts';

const READABLE_BY_ALL = 0o004;
/** What a header can carry, and keys are made of. */
const KEY = /^[\x21-\x7e]{1,500}$/;

/** Where a key may come from; the first that is given wins. */
export interface KeySources {
  readonly flag: string | undefined;
  readonly flagFile: string | undefined;
  readonly environment: string | undefined;
  readonly config: string | null;
  readonly configFile: string | null;
  /** The config file, when it holds the key itself. */
  readonly configPath: string | null;
}

/**
 * Finds the API key, and warns where others of this machine can read it.
 *
 * @throws AgentError when there is none, or it cannot be read; the message never holds it
 */
export function findApiKey(sources: KeySources, warn: (line: string) => void): string {
  const { flag, flagFile, environment, config, configFile, configPath } = sources;
  if (flag !== undefined) {
    warn('everybody on this machine can read the key of --key in the list of processes: use --key-file.');
    return checked(flag, '--key');
  }
  if (flagFile !== undefined) return fromFile(flagFile, '--key-file', warn);
  if (environment !== undefined && environment !== '') return checked(environment, 'MONITORING_API_KEY');
  if (config !== null) {
    if (configPath !== null) warnIfReadable(configPath, warn);
    return checked(config, 'key');
  }
  if (configFile !== null) return fromFile(configFile, 'key_file', warn);
  throw new AgentError(
    'There is no API key: give it in a file with --key-file (key_file in the config), or as MONITORING_API_KEY.',
  );
}

function fromFile(path: string, setting: string, warn: (line: string) => void): string {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    throw new AgentError(
      `${setting}: ${path} cannot be read (${systemErrorCode(error) ?? 'unknown reason'}): name a file that this user may read.`,
    );
  }
  warnIfReadable(path, warn);
  return checked(content.trim(), `${setting} ${path}`);
}

function checked(key: string, source: string): string {
  if (KEY.test(key)) return key;
  throw new AgentError(`${source} holds no API key: it should be one line of letters, digits and signs.`);
}

function warnIfReadable(path: string, warn: (line: string) => void): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats !== undefined && (stats.mode & READABLE_BY_ALL) !== 0) {
    warn(`${path} holds the API key and everybody on this machine can read it: chmod 640 ${path}`);
  }
}

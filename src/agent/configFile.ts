import { existsSync, readFileSync } from 'node:fs';
import { LineCounter, parseDocument } from 'yaml';
import { systemErrorCode } from '../start/startError.ts';
import { AgentError } from './agentError.ts';

/** Read where --config names no other, and left alone where it does not exist. */
const DEFAULT_CONFIG_FILE = '/etc/monitoring-agent.yaml';

interface ConfigFile {
  readonly path: string;
  /** As it was parsed, not checked yet. */
  readonly content: unknown;
}

/**
 * @param named by --config
 * @returns null when none is named and the usual one does not exist
 * @throws AgentError when it cannot be read or is no YAML; the message quotes none of it, for it may hold the key
 */
export function readConfigFile(named: string | undefined): ConfigFile | null {
  if (named === undefined && !existsSync(DEFAULT_CONFIG_FILE)) return null;
  const path = named ?? DEFAULT_CONFIG_FILE;
  return { path, content: parseYaml(readText(path), path) };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new AgentError(
      `The config ${path} cannot be read (${systemErrorCode(error) ?? 'unknown reason'}): name one that this user may read with --config.`,
    );
  }
}

/** An empty file sets nothing. */
function parseYaml(text: string, path: string): unknown {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0]);
    const reason = error.code.toLowerCase().replaceAll('_', ' ');
    throw new AgentError(
      `The config ${path} is no YAML from line ${line}, column ${col} on (${reason}): correct it there.`,
    );
  }
  try {
    return document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch {
    throw new AgentError(`The config ${path} refers to itself too often: write out what *aliases stand for.`);
  }
}

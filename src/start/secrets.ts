import { randomBytes, randomUUID } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { parseEnv } from 'node:util';
import { SECRETS_FILE } from '../config.ts';
import { StartError, systemErrorCode } from './startError.ts';

type Values = Readonly<Record<string, string | undefined>>;

/** What an embedded stack needs to know and nobody should have to invent. */
const GENERATORS: Readonly<Record<string, () => string>> = {
  SEED_API_KEY: () => `dev_${randomBytes(24).toString('base64url')}`,
  SEED_USER_EMAIL: () => 'dev@example.com',
  SEED_USER_PASSWORD: () => randomBytes(12).toString('base64url'),
  JWT_SECRET: () => randomBytes(48).toString('base64url'),
  ENCRYPTION_KEY: () => randomBytes(32).toString('base64'),
  POSTGRES_PASSWORD: () => randomBytes(24).toString('base64url'),
};

const HEADER = '# Generated at the first start of this embedded stack. Back it up together with the data.\n';

/**
 * Sees to it that every secret of an embedded stack is either given or kept in `DATA_DIR/secrets.env`: what is
 * missing is generated and added, what is there is never changed, what is given is not stored.
 *
 * @param given the environment and ENV_FILE, merged, without empty values.
 * @throws StartError when the file cannot be read, and the file system's error when it cannot be written.
 */
export function keepSecrets(dataDir: string, given: Values): void {
  const path = join(dataDir, SECRETS_FILE);
  const text = readIfThere(path);
  const added = missingSecrets(text ?? '', given);
  if (added === '') {
    if (text !== null) chmodSync(path, 0o600);
    return;
  }
  const before = text === null ? HEADER : text.endsWith('\n') || text === '' ? text : `${text}\n`;
  writeDurably(path, before + added);
}

/** The lines to add to a secrets file with that text. */
function missingSecrets(text: string, given: Values): string {
  const kept = parseEnv(text);
  return Object.entries(GENERATORS)
    .filter(([name]) => !given[name] && !kept[name])
    .map(([name, generate]) => `${name}=${generate()}\n`)
    .join('');
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT') return null;
    throw new StartError(
      `The secrets of this stack in ${path} cannot be read (${code ?? String(error)}): give the file back to this user, or choose another DATA_DIR.`,
    );
  }
}

/** Whole or not at all, also after a power failure: without it, the data beside it cannot be opened. */
function writeDurably(path: string, text: string): void {
  const temporary = `${path}.${randomUUID()}`;
  try {
    writeFileSync(temporary, text, { mode: 0o600, flag: 'wx', flush: true });
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
  const directory = openSync(dirname(path), 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

import { readFileSync } from 'node:fs';
import { z } from 'zod';

const Package = z.object({ version: z.string() });
const PACKAGE_FILE = new URL('../../package.json', import.meta.url);

/** The version of this package, which is the agent's. */
export function agentVersion(): string {
  return Package.parse(JSON.parse(readFileSync(PACKAGE_FILE, 'utf8'))).version;
}

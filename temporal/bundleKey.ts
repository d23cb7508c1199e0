import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
/** What ends up in the bundle, or decides how it is made; the lockfile stands for the SDK and all below it. */
const INPUTS = ['src/workflows/**/*.ts', 'src/domain/**/*.ts', 'temporal/bundle*.ts', 'package*.json'];

/** A name that changes with anything that changes the bundle: 32 hex digits. */
export function bundleKey(root: string = ROOT): string {
  // The source map names files by their full paths.
  const hash = createHash('sha256').update(root);
  for (const file of globSync(INPUTS, { cwd: root }).sort()) {
    const content = readFileSync(join(root, file));
    hash.update(`\n${file} ${content.length}\n`).update(content);
  }
  return hash.digest('hex').slice(0, 32);
}

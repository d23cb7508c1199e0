import { execFileSync } from 'node:child_process';
import { chownSync, lchownSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { StartError } from './startError.ts';

/** A user by number, without any supplementary group. */
interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

/** How to start a program of Postgres: as ourselves, or as somebody else when we are root. */
export interface RunAs {
  /** Whom the cluster belongs to; null when we are not root and everything is simply ours. */
  readonly owner: UserIds | null;
  /** What to spawn for a program and its arguments, and as which user. */
  readonly wrap: (
    program: string,
    args: readonly string[],
  ) => { command: string; args: readonly string[]; user: UserIds | null };
}

const NOBODY: UserIds = { uid: 65_534, gid: 65_534 };

/** Lets the bearer pass directories (and, the second, also run files) that their modes close to it. */
const CAPABILITIES = ['dac_read_search', 'dac_override'];

/**
 * Postgres refuses to run as root. Root therefore runs it as the cluster's owner, or as `nobody` for a new
 * cluster; where that user may not pass the directories above the cluster or the programs (a checkout under
 * /root, a 0700 temporary directory), setpriv hands it the one capability that this takes.
 *
 * @param clusterDir need not exist yet; its parent must.
 * @throws StartError when there is no way to become that user.
 */
export function postgresUser(
  clusterDir: string,
  binaries: { readonly postgres: string; readonly initdb: string },
): RunAs {
  if (process.getuid?.() !== 0) {
    return { owner: null, wrap: (command, args) => ({ command, args, user: null }) };
  }
  const owner = ownerOf(clusterDir) ?? nobody();
  if (canReach(dirname(resolve(clusterDir)), owner) && canReach(binaries.postgres, owner)) {
    return { owner, wrap: (command, args) => ({ command, args, user: owner }) };
  }
  const prefix = setprivArguments(owner, binaries.initdb);
  return {
    owner,
    wrap: (program, args) => ({ command: 'setpriv', args: [...prefix, program, ...args], user: null }),
  };
}

/** Whether that user may use `path` (read, run or enter it) and pass every directory above it. */
export function canReach(path: string, user: UserIds): boolean {
  const absolute = resolve(path);
  const parent = dirname(absolute);
  return (parent === absolute || canReach(parent, user)) && mayEnter(statSync(absolute), user);
}

/** Whether the mode of a directory or program lets that user in: the `x` bit of owner, group or others. */
export function mayEnter(entry: { mode: number; uid: number; gid: number }, user: UserIds): boolean {
  const shift = entry.uid === user.uid ? 6 : entry.gid === user.gid ? 3 : 0;
  return ((entry.mode >> shift) & 0o1) === 1;
}

/** Gives a directory and everything in it to that user. */
export function giveTo(directory: string, { uid, gid }: UserIds): void {
  chownSync(directory, uid, gid);
  for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
    lchownSync(join(entry.parentPath, entry.name), uid, gid);
  }
}

function ownerOf(clusterDir: string): UserIds | null {
  const stat = statSync(clusterDir, { throwIfNoEntry: false });
  return stat === undefined || stat.uid === 0 ? null : { uid: stat.uid, gid: stat.gid };
}

function nobody(): UserIds {
  try {
    const [, uid, gid] = /^nobody:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8')) ?? [];
    return uid === undefined || gid === undefined ? NOBODY : { uid: Number(uid), gid: Number(gid) };
  } catch {
    return NOBODY;
  }
}

function setprivArguments({ uid, gid }: UserIds, initdb: string): string[] {
  for (const capability of CAPABILITIES) {
    const prefix = [
      `--reuid=${uid}`,
      `--regid=${gid}`,
      '--clear-groups',
      // Postgres asks access(2) whether it may run its own programs, which else forgets capabilities.
      '--securebits=+no_setuid_fixup',
      `--inh-caps=+${capability}`,
      `--ambient-caps=+${capability}`,
    ];
    try {
      // Shows settings and changes nothing, once it has found all programs that it needs.
      execFileSync('setpriv', [...prefix, initdb, '--show', '--pgdata=/nonexistent'], {
        cwd: '/',
        stdio: 'ignore',
        timeout: 5_000,
      });
      return prefix;
    } catch {
      // Not installed, or a container without this capability: the next one may do.
    }
  }
  throw new StartError(
    `Postgres does not run as root, and user ${uid} cannot enter the directories above the checkout or DATA_DIR: install setpriv (package util-linux), run as another user than root, or move both to where everybody may enter.`,
  );
}

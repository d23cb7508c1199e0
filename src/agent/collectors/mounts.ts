/** A file system and where it is mounted. */
interface Mount {
  readonly device: string;
  readonly path: string;
  readonly type: string;
}

/** On disks of this machine; those of the network can hang, those in memory and images never fill up. */
const LOCAL_TYPES = new Set([
  'ext2',
  'ext3',
  'ext4',
  'xfs',
  'btrfs',
  'zfs',
  'f2fs',
  'vfat',
  'ntfs3',
  'bcachefs',
]);

/** @param mounts the text of /proc/mounts, see fstab(5): blanks and the like are written in octal */
export function parseMounts(mounts: string): Mount[] {
  return mounts.split('\n').flatMap((line) => {
    const [device, path, type] = line.split(' ').map(unescaped);
    return device === undefined || path === undefined || type === undefined ? [] : [{ device, path, type }];
  });
}

/**
 * Which mounts to report: those that the config names, else each local file system once, by its shortest path, and
 * the root of a container.
 */
export function chosenMounts(mounts: readonly Mount[], named: readonly string[] | null): string[] {
  const paths = new Set(mounts.map(({ path }) => path));
  if (named !== null) return named.filter((path) => paths.has(path));
  const byDevice = new Map<string, string>();
  for (const { device, path, type } of mounts) {
    if (!LOCAL_TYPES.has(type)) continue;
    const known = byDevice.get(device);
    if (known === undefined || path.length < known.length) byDevice.set(device, path);
  }
  const found = new Set(byDevice.values());
  if (paths.has('/')) found.add('/');
  return [...found].sort();
}

function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

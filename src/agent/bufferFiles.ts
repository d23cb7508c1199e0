import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

const NAME = /^(\d{12})-([0-9a-f-]{36})\.json\.gz$/;
const TEMPORARY = '.tmp';
/** In each directory of them. */
const MAX_SET_ASIDE = 100;

/** Where files are for somebody to look at; they are never sent. */
export type AsideDirectory = 'unreadable' | 'set-aside';

/** A batch in the order in which it was made: clocks jump, numbers do not. */
export interface Place {
  readonly sequence: number;
  /** The ingest id. */
  readonly id: string;
}

export interface StoredFile extends Place {
  readonly bytes: number;
}

/** The files of a buffer: one a batch, whole or not there. */
export class BufferFiles {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Makes the directory and finds what an earlier run has left, oldest first. Halves of files are removed.
   *
   * @throws the file system's error
   */
  async open(): Promise<StoredFile[]> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const names = await readdir(this.#directory);
    for (const name of names.filter((one) => one.endsWith(TEMPORARY))) {
      await rm(join(this.#directory, name), { force: true });
    }
    const found: StoredFile[] = [];
    for (const name of names.sort()) {
      const [, sequence, id] = NAME.exec(name) ?? [];
      if (sequence === undefined || id === undefined) continue;
      const { size } = await stat(join(this.#directory, name));
      found.push({ sequence: Number(sequence), id, bytes: size });
    }
    return found;
  }

  /** On the disk for good when it answers, also after a power failure. @throws the file system's error */
  async write(place: Place, content: Buffer): Promise<void> {
    const path = this.#pathOf(place);
    const temporary = `${path}${TEMPORARY}`;
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      const file = await open(temporary, 'w', 0o600);
      try {
        await file.writeFile(content);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw error;
    }
    await this.#syncDirectory();
  }

  /** @throws the file system's error */
  read(place: Place): Promise<Buffer> {
    return readFile(this.#pathOf(place));
  }

  /** @throws the file system's error, but not where it is gone already */
  async remove(place: Place): Promise<void> {
    await rm(this.#pathOf(place), { force: true });
  }

  /** @returns where it now is, or null when it had to be removed @throws the file system's error */
  async setAside(place: Place, name: AsideDirectory): Promise<string | null> {
    const directory = join(this.#directory, name);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    if ((await readdir(directory)).length >= MAX_SET_ASIDE) {
      await this.remove(place);
      return null;
    }
    const path = join(directory, nameOf(place));
    await rename(this.#pathOf(place), path);
    return path;
  }

  #pathOf(place: Place): string {
    return join(this.#directory, nameOf(place));
  }

  async #syncDirectory(): Promise<void> {
    const directory = await open(this.#directory, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }
}

function nameOf({ sequence, id }: Place): string {
  return `${String(sequence).padStart(12, '0')}-${id}.json.gz`;
}

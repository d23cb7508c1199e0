import { systemErrorCode } from '../start/startError.ts';
import type { AsideDirectory, BufferFiles, Place, StoredFile } from './bufferFiles.ts';
import type { Complaints } from './complaints.ts';
import type { Log } from './log.ts';

interface BufferDiskDependencies {
  readonly files: BufferFiles;
  readonly complaints: Complaints;
  readonly log: Log;
}

/** The files of a buffer on a disk that may fail: it says what does not work, and only read throws. */
export class BufferDisk {
  readonly #files: BufferFiles;
  readonly #complaints: Complaints;
  readonly #log: Log;

  constructor({ files, complaints, log }: BufferDiskDependencies) {
    this.#files = files;
    this.#complaints = complaints;
    this.#log = log;
  }

  /** What an earlier run has left, oldest first. */
  async found(): Promise<readonly StoredFile[]> {
    try {
      return await this.#files.open();
    } catch (error) {
      this.#complaints.about('buffer', `what waits in it cannot be read (${String(error)})`);
      return [];
    }
  }

  /** @returns whether it is on the disk for good */
  async write(place: Place, content: Buffer): Promise<boolean> {
    try {
      await this.#files.write(place, content);
    } catch (error) {
      this.#complaints.about(
        'buffer',
        `nothing can be written (${reasonOf(error)}): batches wait in memory only`,
      );
      return false;
    }
    this.#complaints.settle('buffer', 'batches are written to the disk again');
    return true;
  }

  /** @throws the file system's error, for only this batch is lost */
  read(place: Place): Promise<Buffer> {
    return this.#files.read(place);
  }

  async remove(place: Place): Promise<void> {
    try {
      await this.#files.remove(place);
    } catch (error) {
      // It will be sent again after the next start, and the server knows its id.
      this.#log.warn(`buffer: batch ${place.id} cannot be removed (${String(error)})`);
    }
  }

  /** @param why what is wrong with the batch, to be read on after its id */
  async setAside(place: Place, directory: AsideDirectory, why: string): Promise<void> {
    let outcome: string;
    try {
      const path = await this.#files.setAside(place, directory);
      outcome = `is set aside as ${path ?? 'nothing, for there are too many such'}`;
    } catch (error) {
      outcome = `is left where it is (${String(error)})`;
    }
    this.#log.warn(`buffer: batch ${place.id} ${why} and ${outcome}`);
  }
}

/** The system's code where there is one: it is the same each time. */
export function reasonOf(error: unknown): string {
  return systemErrorCode(error) ?? String(error);
}

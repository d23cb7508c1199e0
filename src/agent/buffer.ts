import type { Batch } from './batch.ts';
import { BufferDisk, reasonOf } from './bufferDisk.ts';
import type { AsideDirectory, BufferFiles, Place } from './bufferFiles.ts';
import type { Complaints } from './complaints.ts';
import type { Log } from './log.ts';
import { pack, unpack, type StoredBody } from './storedBody.ts';

/** What may wait in memory while the disk takes nothing. */
const MAX_MEMORY_BYTES = 8 * 1_048_576;

export interface BufferLimits {
  /** On the disk, compressed. */
  readonly maxBytes: number;
  readonly maxBatches: number;
}

/** A batch that the server has not taken yet. */
export interface Waiting extends Place {
  readonly bytes: number;
  /** null as soon as it is on the disk. */
  readonly inMemory: Buffer | null;
}

interface BufferDependencies {
  readonly files: BufferFiles;
  readonly limits: BufferLimits;
  readonly complaints: Complaints;
  readonly log: Log;
}

/**
 * The batches that wait for the server, oldest first. Each is on the disk before it is sent for the first time, so that
 * it is sent again under the same id whatever happens. It is bounded, and the oldest are dropped last: when it is full,
 * what comes new is dropped.
 */
export class BatchBuffer {
  readonly #disk: BufferDisk;
  readonly #limits: BufferLimits;
  readonly #log: Log;
  #waiting: Waiting[] = [];
  #nextSequence = 1;
  #dropped = 0;
  #added = Promise.withResolvers<undefined>();

  constructor({ files, limits, complaints, log }: BufferDependencies) {
    this.#disk = new BufferDisk({ files, complaints, log });
    this.#limits = limits;
    this.#log = log;
  }

  /** Takes over what an earlier run has left. Never throws. */
  async open(): Promise<void> {
    for (const file of await this.#disk.found()) {
      this.#nextSequence = Math.max(this.#nextSequence, file.sequence + 1);
      if (this.#hasRoomFor(file.bytes)) this.#waiting.push({ ...file, inMemory: null });
      else {
        this.#countDropped();
        await this.#disk.remove(file);
      }
    }
  }

  /** Keeps a batch, on the disk where that takes it. @returns false when the buffer is full and it was dropped */
  async add({ id, body }: Batch): Promise<boolean> {
    const content = await pack(body);
    if (!this.#hasRoomFor(content.length)) {
      this.#countDropped();
      return false;
    }
    const place = { sequence: this.#nextSequence, id };
    this.#nextSequence += 1;
    const onDisk = (await this.persist()) && (await this.#disk.write(place, content));
    if (!onDisk && this.#memoryBytes() + content.length > MAX_MEMORY_BYTES) {
      this.#countDropped();
      return false;
    }
    this.#waiting.push({ ...place, bytes: content.length, inMemory: onDisk ? null : content });
    this.#added.resolve(undefined);
    this.#added = Promise.withResolvers();
    return true;
  }

  /**
   * Brings to the disk what is in memory only, oldest first, until the disk refuses. Never throws.
   *
   * @returns whether nothing is in memory only
   */
  async persist(): Promise<boolean> {
    for (const one of this.#waiting) {
      if (one.inMemory === null) continue;
      if (!(await this.#disk.write(one, one.inMemory))) return false;
      const isTaken = !this.#waiting.some(({ sequence }) => sequence === one.sequence);
      if (isTaken) await this.#disk.remove(one);
      else this.#waiting = this.#waiting.map((other) => (other === one ? { ...one, inMemory: null } : other));
    }
    return true;
  }

  /** The batch to send next; null when none waits. */
  oldest(): Waiting | null {
    return this.#waiting[0] ?? null;
  }

  /** The batch that was measured last; null when none waits. */
  newest(): Waiting | null {
    return this.#waiting.at(-1) ?? null;
  }

  /** How many wait. */
  get length(): number {
    return this.#waiting.length;
  }

  /** Whether what is measured now is dropped. */
  get isFull(): boolean {
    return this.#dropped > 0;
  }

  /** How many of them are in memory only. */
  get inMemory(): number {
    return this.#waiting.filter(({ inMemory }) => inMemory !== null).length;
  }

  /** Resolves when the next batch has come. */
  nextAdded(): Promise<undefined> {
    return this.#added.promise;
  }

  /** @returns null when it cannot be read any more: it is set aside then, and waits no longer */
  async read(waiting: Waiting): Promise<StoredBody | null> {
    try {
      return await unpack(waiting.inMemory ?? (await this.#disk.read(waiting)));
    } catch (error) {
      await this.#putAside(waiting, 'unreadable', `cannot be read (${reasonOf(error)})`);
      return null;
    }
  }

  /** The batch is taken, or never will be. */
  async remove(waiting: Waiting): Promise<void> {
    this.#forget(waiting);
    await this.#disk.remove(waiting);
    this.#sayThereIsRoom();
  }

  /**
   * Moves a batch to where it waits no longer, but can be looked at.
   *
   * @param why to be read on after its id
   */
  async setAside(waiting: Waiting, why: string): Promise<void> {
    await this.#putAside(waiting, 'set-aside', why);
    this.#sayThereIsRoom();
  }

  async #putAside(waiting: Waiting, directory: AsideDirectory, why: string): Promise<void> {
    this.#forget(waiting);
    await this.#disk.setAside(waiting, directory, why);
  }

  #sayThereIsRoom(): void {
    if (this.#dropped === 0) return;
    this.#log.warn(`buffer: there is room again; batches dropped while it was full: ${this.#dropped}`);
    this.#dropped = 0;
  }

  #forget({ sequence }: Place): void {
    this.#waiting = this.#waiting.filter((one) => one.sequence !== sequence);
  }

  #hasRoomFor(bytes: number): boolean {
    const used = this.#waiting.reduce((sum, one) => sum + one.bytes, 0);
    return this.#waiting.length < this.#limits.maxBatches && used + bytes <= this.#limits.maxBytes;
  }

  #memoryBytes(): number {
    return this.#waiting.reduce((sum, one) => sum + (one.inMemory?.length ?? 0), 0);
  }

  #countDropped(): void {
    if (this.#dropped === 0) {
      this.#log.warn(
        `buffer: it is full (batches: ${this.#waiting.length}): what is measured now is dropped until the server takes the older ones`,
      );
    }
    this.#dropped += 1;
  }
}

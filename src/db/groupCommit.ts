import { isRefusedData } from './sqlState.ts';

interface Waiting<Item, Answer> {
  readonly item: Item;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

interface GroupCommitOptions<Item, Answer> {
  /** One transaction. @returns an answer for each item, in their order */
  readonly commit: (items: readonly Item[]) => Promise<readonly Answer[]>;
  /** How much an item weighs of `maxWeight`, which is all that one transaction takes. */
  readonly weigh: (item: Item) => number;
  readonly maxWeight: number;
  readonly maxInFlight: number;
  /** What may wait for a transaction. */
  readonly maxWaitingWeight: number;
}

/** The database does not keep up with what comes in. */
export class QueueFullError extends Error {
  override readonly name = 'QueueFullError';
}

/**
 * Lets what arrives while transactions are in flight share the next one: alone, an item is committed at once; the
 * busier it gets, the larger the groups. One item that Postgres refuses does not keep the others of its group out.
 */
export class GroupCommit<Item, Answer> {
  private readonly options: GroupCommitOptions<Item, Answer>;
  private waiting: Waiting<Item, Answer>[] = [];
  private waitingWeight = 0;
  private inFlight = 0;

  constructor(options: GroupCommitOptions<Item, Answer>) {
    this.options = options;
  }

  /** @throws what the transaction threw, or QueueFullError */
  add(item: Item): Promise<Answer> {
    const weight = this.options.weigh(item);
    if (this.waitingWeight + weight > this.options.maxWaitingWeight) {
      return Promise.reject(new QueueFullError('Too much waits to be committed.'));
    }
    this.waitingWeight += weight;
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      this.commitWhatWaits();
    });
  }

  private commitWhatWaits(): void {
    while (this.inFlight < this.options.maxInFlight && this.waiting.length > 0) {
      const group = this.nextGroup();
      this.inFlight += 1;
      void this.commit(group).finally(() => {
        this.inFlight -= 1;
        this.commitWhatWaits();
      });
    }
  }

  /** At least one, however heavy. */
  private nextGroup(): readonly Waiting<Item, Answer>[] {
    const { weigh, maxWeight } = this.options;
    let weight = 0;
    const tooMuch = this.waiting.findIndex(({ item }, index) => {
      weight += weigh(item);
      return index > 0 && weight > maxWeight;
    });
    const size = tooMuch === -1 ? this.waiting.length : tooMuch;
    const group = this.waiting.slice(0, size);
    this.waiting = this.waiting.slice(size);
    this.waitingWeight -= group.reduce((sum, { item }) => sum + weigh(item), 0);
    return group;
  }

  private async commit(group: readonly Waiting<Item, Answer>[]): Promise<void> {
    try {
      const answers = await this.options.commit(group.map(({ item }) => item));
      for (const [index, { resolve, reject }] of group.entries()) {
        const answer = answers[index];
        if (answer === undefined) reject(new Error('The transaction gave no answer for this item.'));
        else resolve(answer);
      }
    } catch (error) {
      if (group.length > 1 && isRefusedData(error)) {
        for (const entry of group) await this.commit([entry]);
      } else {
        for (const { reject } of group) reject(error);
      }
    }
  }
}

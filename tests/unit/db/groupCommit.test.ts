import { describe, expect, it } from '@jest/globals';
import { GroupCommit, QueueFullError } from '../../../src/db/groupCommit.ts';

/** A database whose transactions end when the test says so. */
class PlayedDatabase {
  readonly groups: number[][] = [];
  private readonly open: { resolve: () => void; reject: (error: unknown) => void }[] = [];

  readonly commit = async (items: readonly number[]): Promise<string[]> => {
    this.groups.push([...items]);
    await new Promise<void>((resolve, reject) => this.open.push({ resolve, reject }));
    return items.map((item) => `stored ${item}`);
  };

  /** Ends the oldest transaction, and lets what waits for it go on. */
  async end(error?: unknown): Promise<void> {
    const oldest = this.open.shift();
    if (oldest === undefined) throw new Error('no transaction is open');
    if (error === undefined) oldest.resolve();
    else oldest.reject(error);
    for (let turns = 0; turns < 10; turns += 1) await Promise.resolve();
  }
}

function build(maxInFlight: number) {
  const database = new PlayedDatabase();
  const queue = new GroupCommit<number, string>({
    ...{ commit: database.commit, weigh: (item: number) => item, maxWeight: 10, maxInFlight },
    maxWaitingWeight: 70,
  });
  return { database, queue };
}

describe('GroupCommit', () => {
  it('should commit at once what comes alone, and let share what comes meanwhile', async () => {
    const { database, queue } = build(1);
    const answers = [1, 2, 3].map((item) => queue.add(item));
    expect(database.groups).toEqual([[1]]);
    await database.end();
    expect(database.groups).toEqual([[1], [2, 3]]);
    await database.end();
    expect(await Promise.all(answers)).toEqual(['stored 1', 'stored 2', 'stored 3']);
  });

  it('should take no more into a transaction than its weight allows, and one that is too heavy alone', async () => {
    const { database, queue } = build(1);
    const answers = [1, 6, 4, 5, 50, 1].map((item) => queue.add(item));
    for (let ended = 0; ended < 5; ended += 1) await database.end();
    expect(database.groups).toEqual([[1], [6, 4], [5], [50], [1]]);
    expect(await Promise.all(answers)).toHaveLength(6);
  });

  it('should keep as many transactions in flight as it may', async () => {
    const { database, queue } = build(2);
    const answers = [1, 2, 3].map((item) => queue.add(item));
    expect(database.groups).toEqual([[1], [2]]);
    for (let ended = 0; ended < 3; ended += 1) await database.end();
    expect(await Promise.all(answers)).toHaveLength(3);
  });

  it('should keep what Postgres refuses from the others of its group', async () => {
    const { database, queue } = build(1);
    const answers = [1, 2, 3, 4].map((item) => queue.add(item));
    await database.end();
    await database.end({ code: '22003' });
    await database.end();
    await database.end({ code: '22003' });
    await database.end();
    const settled = await Promise.allSettled(answers);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
  });

  it('should refuse what is more than may wait, and take it again when there is room', async () => {
    const { database, queue } = build(1);
    const answers = [1, 60, 10].map((item) => queue.add(item));
    await expect(queue.add(1)).rejects.toThrow(QueueFullError);
    await database.end();
    answers.push(queue.add(1));
    for (let ended = 0; ended < 3; ended += 1) await database.end();
    expect(await Promise.all(answers)).toHaveLength(4);
  });

  it('should tell everybody when the database is away, and go on with what comes next', async () => {
    const { database, queue } = build(1);
    const lost = [1, 2].map((item) => queue.add(item));
    await database.end(new Error('away'));
    await database.end(new Error('away'));
    expect((await Promise.allSettled(lost)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    const next = queue.add(3);
    await database.end();
    expect(await next).toBe('stored 3');
  });
});

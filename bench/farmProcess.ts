import { fork } from 'node:child_process';
import { once } from 'node:events';
import { z } from 'zod';

/** What a farm is told to do. */
export type FarmOrder =
  | { readonly kind: 'hits' }
  /** Drops what was noted so far. */
  | { readonly kind: 'forget' }
  /** Answers 500 on these paths from now on. */
  | { readonly kind: 'fail'; readonly paths: readonly string[] };

export interface FarmAnswer {
  readonly id: number;
  readonly answer: FarmHits | null;
}

export interface FarmHits {
  /** When each path was asked for, UTC milliseconds, oldest first. */
  readonly hits: ReadonlyMap<string, readonly number[]>;
  /** Requests that came when its memory was full. */
  readonly notNoted: number;
}

const Hello = z.object({ port: z.number().int().positive() });
const Answer = z.object({
  id: z.number(),
  answer: z.object({ hits: z.map(z.string(), z.array(z.number())), notNoted: z.number() }).nullable(),
});

/** Target servers in a process of their own: the witness of every bench. */
export interface Farm {
  readonly url: string;
  readonly pid: number;
  readonly hits: () => Promise<FarmHits>;
  readonly forget: () => Promise<void>;
  readonly fail: (paths: readonly string[]) => Promise<void>;
  readonly stop: () => void;
}

/** Starts a farm on a free port of 127.0.0.1; every path of it is a target. */
export async function startFarm(): Promise<Farm> {
  // Not JSON: a hundred thousand times go over this channel.
  const child = fork(new URL('farm.ts', import.meta.url), { serialization: 'advanced' });
  const waiting = new Map<number, (answer: FarmHits | null) => void>();
  const [{ port }] = z
    .tuple([Hello])
    .rest(z.unknown())
    .parse(await once(child, 'message'));
  child.on('message', (message) => {
    const { id, answer } = Answer.parse(message);
    waiting.get(id)?.(answer);
    waiting.delete(id);
  });
  let lastId = 0;
  const ask = (order: FarmOrder): Promise<FarmHits | null> =>
    new Promise((resolve, reject) => {
      lastId += 1;
      waiting.set(lastId, resolve);
      child.send({ id: lastId, order }, (error) => {
        if (error !== null) reject(error);
      });
    });
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    hits: async () => (await ask({ kind: 'hits' })) ?? { hits: new Map(), notNoted: 0 },
    forget: async () => {
      await ask({ kind: 'forget' });
    },
    fail: async (paths) => {
      await ask({ kind: 'fail', paths });
    },
    stop: () => {
      if (child.connected) child.disconnect();
    },
  };
}

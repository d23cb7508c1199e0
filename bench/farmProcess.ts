import { fork } from 'node:child_process';
import { once } from 'node:events';

/** Target servers in a process of their own. */
export interface Farm {
  readonly url: string;
  /** When each path was asked for, UTC milliseconds. */
  readonly hits: () => Promise<Record<string, number[]>>;
  readonly stop: () => void;
}

export async function startFarm(): Promise<Farm> {
  const child = fork(new URL('farm.ts', import.meta.url));
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return {
    url: `http://127.0.0.1:${port}`,
    hits: async () => {
      child.send('hits');
      const [{ hits }] = (await once(child, 'message')) as [{ hits: Record<string, number[]> }];
      return hits;
    },
    stop: () => child.disconnect(),
  };
}

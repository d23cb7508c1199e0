import { NotificationFeed } from '../../db/notifications.ts';
import type { WatchRepository } from '../../db/repositories/watches.ts';
import type { WorkerIdentity, WorkerRepository } from '../../db/repositories/workers.ts';
import { sleepUnless } from '../../net/abortable.ts';
import { HandBack, type HandBackDeps } from './handBack.ts';
import { WatchHost, type WatchHostDeps } from './watchHost.ts';
import { WatchUpkeep } from './watchUpkeep.ts';
import { RENEW_EVERY_MS, WorkerLease } from './workerLease.ts';

export interface WatchingOptions
  extends Omit<WatchHostDeps, 'watches' | 'handBack'>, Omit<HandBackDeps, 'clock' | 'onFault'> {
  readonly worker: WorkerIdentity;
  readonly workers: WorkerRepository;
  readonly watches: WatchRepository;
  /** Where changes are heard of. */
  readonly databaseUrl: string;
  /** Told of what is wrong on our side with no target to name. */
  readonly onTrouble: (error: unknown, what: string) => void;
  readonly onClaimed?: (count: number) => void;
  /** Told when others had taken this worker for dead. */
  readonly onLeaseLost?: () => void;
}

const HEARTBEAT_ROUND_MS = 15_000;
const SYNC_EVERY_MS = 30_000;

/** The watches of a worker process with all that keeps them in line. */
interface Watching {
  readonly host: WatchHost;
  /** Ends all watches with their state; other workers go on with them. */
  readonly stop: () => Promise<void>;
}

export function startWatching(options: WatchingOptions): Watching {
  const { worker, watches, tokens, clock, onFault, onTrouble } = options;
  const handBack = new HandBack(options);
  const host = new WatchHost({ ...options, handBack });
  const upkeep = new WatchUpkeep({ host, watches, tokens, clock, workerId: worker.id, onFault });
  const lease = new WorkerLease({
    ...options,
    host,
    onLeaseLost: () => {
      options.onLeaseLost?.();
      return upkeep.sync();
    },
  });
  const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      onTrouble(error, what);
    }
  };
  const renew = (): Promise<void> => attempt('the lease could not be renewed', () => lease.round());
  const sync = (): Promise<void> => attempt('watches could not be compared', () => upkeep.sync());
  host.onStall = async () => {
    await renew();
    await sync();
  };
  const stopping = new AbortController();
  const loops = [
    every(RENEW_EVERY_MS, renew, stopping.signal),
    every(SYNC_EVERY_MS, sync, stopping.signal),
    every(HEARTBEAT_ROUND_MS, () => upkeep.heartbeat(), stopping.signal),
  ];
  const feed = new NotificationFeed({
    url: options.databaseUrl,
    channels: {
      http_target_changed: (key) => host.changed(Number(key)),
      watches_free: () => void renew(),
    },
    onConnected: () => void sync(),
    onFault: (error) => onTrouble(error, 'changes are not heard of at once'),
  });
  return {
    host,
    stop: async () => {
      stopping.abort();
      await host.stop();
      await attempt('the lease could not be ended', () => lease.end());
      await Promise.all([...loops, feed.stop()]);
    },
  };
}

/** At once and then again and again, never twice at a time. */
async function every(ms: number, work: () => Promise<void>, signal: AbortSignal): Promise<void> {
  do await work();
  while (await sleepUnless(signal, ms));
}

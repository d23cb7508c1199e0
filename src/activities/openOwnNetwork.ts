import type { AlertSyncRepository } from '../db/repositories/alerting/syncAlerts.ts';
import type { WorkerRepository } from '../db/repositories/workers.ts';
import type { Clock } from '../domain/clock.ts';
import type { Logger } from '../logger.ts';
import { References, type ReferenceAddress } from '../net/references.ts';
import { OwnNetwork } from './ownNetwork.ts';

interface OpenOwnNetworkOptions {
  readonly addresses: readonly ReferenceAddress[];
  /** Those of the lease: each renewal says the same, also where Postgres is away when it happens. */
  readonly workers: Pick<WorkerRepository, 'tellNetwork'>;
  readonly workerId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly alerts: Pick<AlertSyncRepository, 'sync'>;
}

/** The guard of a worker, which puts what it finds into the log and into the worker's row; null without references. */
export function openOwnNetwork(options: OpenOwnNetworkOptions): OwnNetwork | null {
  const { addresses, workers, workerId, clock, logger, alerts } = options;
  if (addresses.length === 0) return null;
  const references = new References({ addresses });
  const { names } = references;
  const write = async (): Promise<void> => {
    try {
      await workers.tellNetwork(workerId);
      await alerts.sync('monitor');
    } catch (error) {
      logger.warn(
        { err: error },
        'the state of the network is written with the next renewal of the lease, and its alert by the sweep',
      );
    }
  };
  return new OwnNetwork({
    ...{ references, clock },
    onChange: (lostAt) => {
      if (lostAt === null) logger.warn('the network of this worker is back');
      else logger.error({ references: names }, 'the network of this worker is lost: no reference answers');
      void write();
    },
    onDoubt: () =>
      logger.warn(
        { references: names },
        'REFERENCE_ADDRESSES: none answers although targets do; until one does, a loss of the network is believed for 5 minutes',
      ),
  });
}

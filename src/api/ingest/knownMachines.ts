import { LRUCache } from 'lru-cache';
import type { RegisteredMachine } from '../../db/repositories/machineRegistry.ts';
import type { MetricBatch } from '../../domain/metricBatch.ts';

/** Of all machines together; each takes some 150 bytes. */
const MAX_METRICS = 1_000_000;

/** The machines that have posted lately, so that the next batch of theirs asks the database for nothing. */
export class KnownMachines {
  private readonly machines = new LRUCache<string, RegisteredMachine>({
    maxSize: MAX_METRICS,
    sizeCalculation: ({ metrics }) => Math.max(1, metrics.size),
  });

  /** @returns null where the batch holds something that has to be looked up, or written, first */
  find(clientId: string, { machine, metrics }: MetricBatch): RegisteredMachine | null {
    const known = this.machines.get(keyOf(clientId, machine.hostname));
    if (known === undefined) return null;
    const isDescribed =
      (machine.os ?? known.os) === known.os && (machine.osVersion ?? known.osVersion) === known.osVersion;
    const hasAll = metrics.every(({ name, type, unit }) => {
      const metric = known.metrics.get(name);
      return metric?.type === type && (unit ?? metric.unit) === metric.unit;
    });
    return isDescribed && hasAll ? known : null;
  }

  remember(clientId: string, machine: RegisteredMachine): void {
    this.machines.set(keyOf(clientId, machine.hostname), machine);
  }

  forget(clientId: string, hostname: string): void {
    this.machines.delete(keyOf(clientId, hostname));
  }
}

function keyOf(clientId: string, hostname: string): string {
  return `${clientId} ${hostname.toLowerCase()}`;
}

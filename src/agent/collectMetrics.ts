import { messageOf } from '../start/startError.ts';
import type { Collector } from './collectors/collector.ts';
import { commandCollector } from './collectors/commands.ts';
import { cpuCollector } from './collectors/cpu.ts';
import { diskCollector } from './collectors/disks.ts';
import { loadCollector, uptimeCollector } from './collectors/load.ts';
import { memoryCollector } from './collectors/memory.ts';
import { networkCollector } from './collectors/network.ts';
import { processCollector } from './collectors/processes.ts';
import { serviceCollector } from './collectors/services.ts';
import { versionCollector, type OperatingSystem } from './collectors/versions.ts';
import type { Complaints } from './complaints.ts';
import type { Measured } from './config.ts';
import type { Metric } from './metric.ts';

interface Surroundings {
  readonly complaints: Complaints;
  readonly operatingSystem: () => Promise<OperatingSystem>;
  /** What commands get to see; without the agent's key. */
  readonly env: NodeJS.ProcessEnv;
}

/** Everything that this machine is asked for. */
export function createCollectors(
  { disks, interfaces, services, versions, commands }: Measured,
  { complaints, operatingSystem, env }: Surroundings,
): Collector[] {
  return [
    cpuCollector(),
    loadCollector,
    memoryCollector,
    diskCollector(disks, complaints),
    networkCollector(interfaces),
    uptimeCollector,
    processCollector,
    versionCollector(operatingSystem, versions),
    ...(services.length > 0 ? [serviceCollector(services, env)] : []),
    ...(commands.length > 0 ? [commandCollector(commands, complaints, env)] : []),
  ];
}

/** Takes the first readings of all rates. */
export async function prime(collectors: readonly Collector[]): Promise<void> {
  await Promise.allSettled(collectors.flatMap(({ prime: takeFirst }) => takeFirst?.() ?? []));
}

/** Measures all subjects at once; one that fails is complained of and left out. */
export async function collectMetrics(
  collectors: readonly Collector[],
  complaints: Complaints,
  signal: AbortSignal,
): Promise<Metric[]> {
  const found = await Promise.all(
    collectors.map(async ({ subject, collect }) => {
      try {
        const metrics = await collect(signal);
        complaints.settle(subject);
        return metrics;
      } catch (error) {
        complaints.about(subject, `cannot be measured (${messageOf(error)})`);
        return [];
      }
    }),
  );
  return found.flat();
}

import systeminformation from 'systeminformation';
import { dimension, text, type Metric } from '../metric.ts';
import { agentVersion } from '../version.ts';
import type { Collector } from './collector.ts';

/** They change with an update, and asking starts a dozen processes. */
const ASKED_EVERY_MS = 3_600_000;

/** What the machine runs. */
export interface OperatingSystem {
  /** `linux`, `darwin`, `win32`. */
  readonly platform: string;
  /** "Debian GNU/Linux 12"; null where it does not say. */
  readonly version: string | null;
  readonly kernel: string;
}

/** Gives what `ask` found, and asks again after an hour; what has failed is asked again at the next call. */
export function hourly<T>(ask: () => Promise<T>, now: () => number): () => Promise<T> {
  let known: { readonly value: T; readonly at: number } | null = null;
  return async () => {
    if (known === null || now() - known.at >= ASKED_EVERY_MS) known = { value: await ask(), at: now() };
    return known.value;
  };
}

/** @throws what systeminformation throws */
export async function readOperatingSystem(): Promise<OperatingSystem> {
  const { distro, release, kernel } = await systeminformation.osInfo();
  const version = [distro, release].filter((part) => part !== '' && part !== 'unknown').join(' ');
  return { platform: process.platform, version: version === '' ? null : version, kernel };
}

/** @param software names as systeminformation knows them: node, postgresql, nginx … */
export function versionCollector(
  operatingSystem: () => Promise<OperatingSystem>,
  software: readonly string[],
): Collector {
  const agent = agentVersion();
  const readSoftware = hourly(() => readVersions(software), performance.now.bind(performance));
  return {
    subject: 'versions',
    collect: async () => {
      const { version, kernel } = await operatingSystem();
      return [
        ...(version === null ? [] : [text('os_version', version)]),
        text('kernel_version', kernel),
        text('agent_version', agent),
        ...(software.length === 0 ? [] : await readSoftware()),
      ];
    },
  };
}

/** What is not installed has none. */
async function readVersions(software: readonly string[]): Promise<Metric[]> {
  const versions = new Map<string, unknown>(
    Object.entries(await systeminformation.versions(software.join(','))),
  );
  return software.flatMap((name) => {
    const version = versions.get(name);
    return typeof version === 'string' && version !== ''
      ? [text(dimension('software_version', name), version)]
      : [];
  });
}

import { readFile } from 'node:fs/promises';
import systeminformation from 'systeminformation';
import { byteRate, dimension, type Metric } from '../metric.ts';
import { isLinux, type Collector } from './collector.ts';

/** What an interface has carried since it came up. */
interface Traffic {
  readonly receivedBytes: number;
  readonly transmittedBytes: number;
}

type TrafficByInterface = ReadonlyMap<string, Traffic>;

/** Loopback, and what containers and virtual machines add and remove by the hundred. */
const VIRTUAL = /^(lo|veth|docker|br-|virbr|vnet|tap|cali|flannel|cni|nodelocaldns|kube-|lxc|dummy|ifb)/;

/** Rates since the last post. @param named interfaces from the config, or null for all but virtual ones */
export function networkCollector(named: readonly string[] | null): Collector {
  const wanted = (name: string): boolean => named?.includes(name) ?? !VIRTUAL.test(name);
  let before: { readonly traffic: TrafficByInterface; readonly at: number } | null = null;
  const read = async (): Promise<Metric[]> => {
    const all = await (isLinux ? readTraffic() : readPortably());
    const traffic = new Map([...all].filter(([name]) => wanted(name)));
    const at = performance.now();
    const metrics = before === null ? [] : networkMetrics(before.traffic, traffic, at - before.at);
    before = { traffic, at };
    return metrics;
  };
  return {
    subject: 'network',
    collect: read,
    prime: read,
  };
}

/** The metrics of the time between two readings. An interface that is new, or whose counters began anew, has none yet. */
export function networkMetrics(before: TrafficByInterface, now: TrafficByInterface, ms: number): Metric[] {
  return [...now].flatMap(([name, traffic]) => {
    const earlier = before.get(name);
    if (earlier === undefined || ms <= 0) return [];
    const received = traffic.receivedBytes - earlier.receivedBytes;
    const transmitted = traffic.transmittedBytes - earlier.transmittedBytes;
    if (received < 0 || transmitted < 0) return [];
    return [
      byteRate(dimension('network_receive_bytes_per_second', name), received, ms),
      byteRate(dimension('network_transmit_bytes_per_second', name), transmitted, ms),
    ];
  });
}

/** @param dev the text of /proc/net/dev, see proc_pid_net(5) */
export function parseTraffic(dev: string): TrafficByInterface {
  return new Map(
    dev.split('\n').flatMap((line) => {
      const [, name, counters] = /^\s*(\S+):\s*([\d\s]+)$/.exec(line) ?? [];
      if (name === undefined || counters === undefined) return [];
      const numbers = counters.trim().split(/\s+/).map(Number);
      const [receivedBytes = 0, , , , , , , , transmittedBytes = 0] = numbers;
      return [[name, { receivedBytes, transmittedBytes }] as const];
    }),
  );
}

async function readTraffic(): Promise<TrafficByInterface> {
  return parseTraffic(await readFile('/proc/net/dev', 'latin1'));
}

/** systeminformation starts a shell for each interface on Linux. */
async function readPortably(): Promise<TrafficByInterface> {
  const stats = await systeminformation.networkStats('*');
  return new Map(
    stats.map(({ iface, rx_bytes, tx_bytes }) => [
      iface,
      { receivedBytes: rx_bytes, transmittedBytes: tx_bytes },
    ]),
  );
}

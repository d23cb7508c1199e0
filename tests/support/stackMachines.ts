import { z } from 'zod';
import type { StackClient } from './stackClient.ts';
import { until } from './until.ts';

const Status = z.enum(['UP', 'DOWN', 'UNKNOWN', 'PAUSED']);
const Machine = z.object({
  id: z.guid(),
  hostname: z.string(),
  status: Status,
  last_seen: z.iso.datetime().nullable(),
  metrics_count: z.int(),
  open_incidents_count: z.int(),
});
const Metric = z.object({
  id: z.guid(),
  name: z.string(),
  type: z.enum(['numeric', 'boolean', 'string']),
  status: z.enum(['OK', 'NO_DATA']),
  is_firing: z.boolean(),
  last_sample: z
    .object({
      age_sec: z.number(),
      num_value: z.number().nullable(),
      bool_value: z.boolean().nullable(),
      str_value: z.string().nullable(),
    })
    .nullable(),
});
const Detail = z.object({ machine: Machine, metrics: z.array(Metric) });

type MachineAnswer = z.output<typeof Machine>;
type MetricAnswer = z.output<typeof Metric>;
type MachineDetailAnswer = z.output<typeof Detail>;

/** What a user of a running stack sees of its machines, by API.md. */
export class StackMachines {
  private readonly client: StackClient;

  constructor(client: StackClient) {
    this.client = client;
  }

  async find(hostname: string): Promise<MachineAnswer | null> {
    const { body } = await this.client.request('GET', `/machines?q=${encodeURIComponent(hostname)}`);
    return (
      z
        .array(Machine)
        .parse(body)
        .find((machine) => machine.hostname === hostname) ?? null
    );
  }

  async detail(id: string): Promise<MachineDetailAnswer> {
    const { body } = await this.client.request('GET', `/machines/${id}/detail`);
    return Detail.parse(body);
  }

  async untilStatus(
    hostname: string,
    status: MachineAnswer['status'],
    withinMs: number,
  ): Promise<MachineAnswer> {
    const isThere = async (): Promise<boolean> => (await this.find(hostname))?.status === status;
    await until(isThere, { withinMs, everyMs: 100, what: `${hostname} is ${status}` });
    const machine = await this.find(hostname);
    if (machine === null) throw new Error(`${hostname} was deleted meanwhile.`);
    return machine;
  }

  /** A metric of a machine. @throws where there is none of that name */
  async metric(machineId: string, name: string): Promise<MetricAnswer> {
    const { metrics } = await this.detail(machineId);
    const found = metrics.find((metric) => metric.name === name);
    if (found === undefined)
      throw new Error(`There is no ${name} among ${metrics.map((m) => m.name).join(', ')}.`);
    return found;
  }
}

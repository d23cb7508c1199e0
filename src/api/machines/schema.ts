import { z } from 'zod';
import { MetricStatus } from '../metrics/schema.ts';
import { pageFields, queryChoice } from '../queryFields.ts';

const STATUSES = ['UP', 'DOWN', 'UNKNOWN', 'PAUSED'] as const;

const time = z.iso.datetime();
const nullableTime = time.nullable();

export const MachineId = z.strictObject({ id: z.guid().toLowerCase() });

export const MachineListQuery = z.strictObject({
  q: z.string().max(253).optional().describe('Part of the hostname.'),
  status: queryChoice(STATUSES).optional(),
  ...pageFields({ defaultLimit: 1_000 }),
});

export const Machine = z
  .strictObject({
    id: z.guid(),
    hostname: z.string(),
    os_type: z.string().nullable(),
    last_seen: nullableTime.describe('When the server last received something of it.'),
    is_active: z.boolean().describe('Registered. A machine that was deleted is in no list.'),
    status: z.enum(STATUSES).describe('UNKNOWN until its agent posts again after a pause.'),
    registered_at: time,
    unregistered_at: nullableTime,
    open_incidents_count: z.int().describe('Open incidents that are about it or one of its metrics.'),
    metrics_count: z.int(),
    is_paused: z.boolean(),
  })
  .meta({ id: 'Machine' });

export const MachineDetail = z
  .strictObject({
    machine: z.strictObject({ ...Machine.shape, os_version: z.string().nullable() }),
    metrics: z.array(MetricStatus).describe('All of them, by name.'),
  })
  .meta({ id: 'MachineDetail' });

export const MachinePause = z
  .strictObject({ paused: z.boolean() })
  .meta({ id: 'MachinePause', description: 'Whether nobody is to hear of its silence and its metrics.' });

export const MachineChanged = z
  .strictObject({ success: z.literal(true), machine: Machine })
  .meta({ id: 'MachineChanged' });

export const DeletedMachine = z.strictObject({ deleted: z.guid() });

import type { z } from 'zod';
import type { MachineOverview } from '../../db/repositories/machineRow.ts';
import type { Metric } from '../../db/repositories/metricRow.ts';
import { presentMetricStatus } from '../metrics/presenter.ts';
import type { Machine, MachineChanged, MachineDetail } from './schema.ts';

export function presentMachine(machine: MachineOverview): z.output<typeof Machine> {
  return {
    id: machine.id,
    hostname: machine.hostname,
    os_type: machine.osType,
    last_seen: machine.lastSeenAt?.toISOString() ?? null,
    is_active: machine.unregisteredAt === null,
    status: ({ up: 'UP', down: 'DOWN', unknown: 'UNKNOWN', paused: 'PAUSED' } as const)[machine.status],
    registered_at: machine.registeredAt.toISOString(),
    unregistered_at: machine.unregisteredAt?.toISOString() ?? null,
    open_incidents_count: machine.openIncidentsCount,
    metrics_count: machine.metricsCount,
    is_paused: machine.isPaused,
  };
}

export function presentMachineChanged(machine: MachineOverview): z.output<typeof MachineChanged> {
  return { success: true, machine: presentMachine(machine) };
}

/** @param now UTC milliseconds */
export function presentMachineDetail(
  machine: MachineOverview,
  metrics: readonly Metric[],
  now: number,
): z.output<typeof MachineDetail> {
  return {
    machine: { ...presentMachine(machine), os_version: machine.osVersion },
    metrics: metrics.map((metric) => presentMetricStatus(metric, now)),
  };
}

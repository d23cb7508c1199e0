import type { MachineStatus } from '../../domain/heartbeat.ts';

/** A machine with what its agent's posts have told so far. */
export interface Machine {
  readonly id: string;
  readonly clientId: string;
  readonly hostname: string;
  readonly osType: string | null;
  readonly osVersion: string | null;
  readonly isPaused: boolean;
  readonly version: number;
  readonly registeredAt: Date;
  readonly unregisteredAt: Date | null;
  /** PAUSED as soon as the owner said so. */
  readonly status: MachineStatus;
  readonly episode: number;
  readonly lastSeenAt: Date | null;
  readonly lastStateChangeAt: Date | null;
}

/** A machine as lists show it. */
export interface MachineOverview extends Machine {
  readonly metricsCount: number;
  /** Also those that are about to be grouped. */
  readonly openIncidentsCount: number;
}

/** Timestamps come as text. */
export interface MachineRow {
  id: string;
  client_id: string;
  hostname: string;
  os_type: string | null;
  os_version: string | null;
  is_paused: boolean;
  version: number;
  registered_at: string;
  unregistered_at: string | null;
  status: MachineStatus;
  episode: number;
  last_seen_at: string | null;
  last_state_change_at: string | null;
}

export interface MachineOverviewRow extends MachineRow {
  metrics_count: number;
  open_incidents_count: number;
  /** As cursors have it, to the microsecond. */
  registered_at_exactly: string;
}

export function toMachine(row: MachineRow): Machine {
  return {
    id: row.id,
    clientId: row.client_id,
    hostname: row.hostname,
    osType: row.os_type,
    osVersion: row.os_version,
    isPaused: row.is_paused,
    version: row.version,
    registeredAt: new Date(row.registered_at),
    unregisteredAt: toDate(row.unregistered_at),
    status: row.is_paused ? 'paused' : row.status === 'paused' ? 'unknown' : row.status,
    episode: row.episode,
    lastSeenAt: toDate(row.last_seen_at),
    lastStateChangeAt: toDate(row.last_state_change_at),
  };
}

export function toMachineOverview(row: MachineOverviewRow): MachineOverview {
  return { ...toMachine(row), metricsCount: row.metrics_count, openIncidentsCount: row.open_incidents_count };
}

function toDate(text: string | null): Date | null {
  return text === null ? null : new Date(text);
}

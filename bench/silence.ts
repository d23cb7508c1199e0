import type { Client as TemporalClient } from '@temporalio/client';
import type { Client } from 'pg';
import { waitFor } from '../src/start/waitFor.ts';
import { machineHeartbeatWorkflowId } from '../temporal/names.ts';
import { distributionOf, type Distribution } from './distribution.ts';
import { countingProgress } from './progress.ts';

const DOWN = "MonitorKind = 'machine-heartbeat' AND MonitorStatus = 'DOWN' AND ExecutionStatus = 'Running'";
const AT_ONCE = 8;
const MS_PER_MACHINE = 100;
const ALLOWANCE_MS = 60_000;

/** How long after its threshold a machine was found silent, in seconds. */
export interface Found {
  readonly silent: number;
  readonly rows: Distribution;
  /** The same of the workflows' MonitorStatus. */
  readonly workflows: Distribution;
  readonly missing: number;
}

export interface SilenceOptions {
  readonly database: Client;
  readonly temporal: TemporalClient;
  readonly thresholdMs: number;
  readonly signal: AbortSignal;
}

/** Waits until machines that are silent are down, in their rows and for their workflows. */
export async function untilFound(
  ids: readonly string[],
  { database, temporal, thresholdMs, signal }: SilenceOptions,
): Promise<Found> {
  const { count: downBefore } = await temporal.workflow.count(DOWN);
  const withinMs = thresholdMs + ALLOWANCE_MS + ids.length * MS_PER_MACHINE;
  const progress = countingProgress('machines down', ids.length);
  const readRows = async () => {
    const { rows } = await database.query<{ id: string; at: Date; seen: Date }>(
      `select m.id, t.at, t.last_seen_at as seen from machine_transitions t join machines m on m.key = t.machine_key
       where t.to_status = 'down' and m.id = any($1::uuid[])`,
      [ids],
    );
    return rows;
  };
  await waitFor(
    async () => {
      const { length } = await readRows();
      progress(length);
      return length >= ids.length;
    },
    { withinMs, everyMs: 500, signal },
  );
  const rows = await readRows();
  const deadlines = new Map(rows.map(({ id, seen }) => [id, seen.getTime() + thresholdMs]));
  const shownAt = await untilShown(temporal, [...deadlines.keys()], { downBefore, withinMs, signal });
  const seconds = (id: string, at: number): number =>
    Number(((at - (deadlines.get(id) ?? at)) / 1_000).toFixed(1));
  return {
    silent: ids.length,
    rows: distributionOf(rows.map(({ id, at }) => seconds(id, at.getTime()))),
    workflows: distributionOf([...shownAt].map(([id, at]) => seconds(id, at))),
    missing: ids.length - shownAt.size,
  };
}

/** When each workflow set its status, by its history, UTC milliseconds. */
async function untilShown(
  temporal: TemporalClient,
  ids: readonly string[],
  { downBefore, withinMs, signal }: { downBefore: number; withinMs: number; signal: AbortSignal },
): Promise<Map<string, number>> {
  const shownAt = new Map<string, number>();
  const progress = countingProgress('workflows that show it', ids.length);
  await waitFor(
    async () => {
      const waiting = ids.filter((id) => !shownAt.has(id));
      const { count } = await temporal.workflow.count(DOWN);
      progress(count - downBefore);
      if (count - downBefore < ids.length) return false; // reading histories would be in the way
      const readSome = async (): Promise<void> => {
        for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
          const at = await readShownAt(temporal, id);
          if (at !== null) shownAt.set(id, at);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, readSome));
      return shownAt.size >= ids.length;
    },
    { withinMs, everyMs: 1_000, signal },
  );
  return shownAt;
}

/** A run that was rolled just then begins where the one before it has set the status. */
async function readShownAt(temporal: TemporalClient, id: string): Promise<number | null> {
  const handle = temporal.workflow.getHandle(machineHeartbeatWorkflowId(id));
  const { events } = await handle.fetchHistory();
  const upsert = events?.findLast(
    (event) =>
      event.upsertWorkflowSearchAttributesEventAttributes?.searchAttributes?.indexedFields?.['MonitorStatus'],
  );
  const { eventTime } = upsert ?? events?.[0] ?? {};
  if (eventTime === undefined || eventTime === null) return null;
  return Number(eventTime.seconds ?? 0) * 1_000 + (eventTime.nanos ?? 0) / 1_000_000;
}

import { connectTemporal } from '../temporal/client.ts';
import { httpTargetWorkflowId } from '../temporal/names.ts';
import type { Stack } from '../tests/support/stack.ts';
import type { BenchTarget } from './targets.ts';

/** Each costs Temporal some milliseconds. */
const LARGEST_SAMPLE = 200;
const AT_ONCE = 8;

/** How long the histories of a target's runs were together, and when that was read (UTC milliseconds). */
export interface EventCount {
  readonly at: number;
  readonly events: number;
}

/** All targets, or 200 of them evenly spread. */
export function sampleOf(targets: readonly BenchTarget[]): BenchTarget[] {
  const step = Math.max(1, targets.length / LARGEST_SAMPLE);
  return targets.filter((_target, index) => Math.floor(index / step) !== Math.floor((index - 1) / step));
}

/** Counts the events of all runs of each target, those that were continued as new included; by target id. */
export async function countEvents(
  stack: Stack,
  targets: readonly BenchTarget[],
  signal: AbortSignal,
): Promise<Map<string, EventCount>> {
  const temporal = connectTemporal({
    ...{ embedded: true, address: `127.0.0.1:${stack.ports.temporal}`, port: stack.ports.temporal },
    ...{ uiPort: stack.ports.temporalUi, uiUrl: null, namespace: 'default' },
    ...{ apiKey: null, tls: {}, taskQueuePrefix: '' },
  });
  const counts = new Map<string, EventCount>();
  const waiting = targets.map(({ id }) => id);
  const countSome = async (): Promise<void> => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      signal.throwIfAborted();
      const workflowId = httpTargetWorkflowId(id);
      let events = 0;
      for await (const run of temporal.client.workflow.list({ query: `WorkflowId = '${workflowId}'` })) {
        // The list knows the length of a run only when it has ended.
        const ended = run.status.name !== 'RUNNING' && run.historyLength > 0;
        const { historyLength } = ended
          ? run
          : await temporal.client.workflow.getHandle(workflowId, run.runId).describe();
        events += historyLength;
      }
      counts.set(id, { at: Date.now(), events });
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, countSome));
    return counts;
  } finally {
    await temporal.close();
  }
}

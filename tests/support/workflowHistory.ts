import { defaultPayloadConverter } from '@temporalio/common';
import type { Handle } from './workflowRows.ts';
import type { TimeSkipping } from './timeSkipping.ts';

type HistoryEvent = NonNullable<Awaited<ReturnType<Handle['fetchHistory']>>['events']>[number];

/** The events of all runs of a workflow, those that it was continued as included; one list a run. */
export async function eventsOfAllRuns(
  { env }: TimeSkipping,
  { workflowId, firstExecutionRunId }: Pick<Handle, 'workflowId' | 'firstExecutionRunId'>,
): Promise<HistoryEvent[][]> {
  const runs: HistoryEvent[][] = [];
  let runId: string | null | undefined = firstExecutionRunId;
  while (typeof runId === 'string') {
    const { events } = await env.client.workflow.getHandle(workflowId, runId).fetchHistory();
    runs.push(events ?? []);
    runId = events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
  }
  return runs;
}

/** Each status that a workflow has published, in their order. */
export function publishedStatuses(events: readonly HistoryEvent[]): string[] {
  return events.flatMap(({ upsertWorkflowSearchAttributesEventAttributes: upsert }) => {
    const payload = upsert?.searchAttributes?.indexedFields?.['MonitorStatus'];
    if (payload === undefined) return [];
    const value: unknown = defaultPayloadConverter.fromPayload(payload);
    return [String(Array.isArray(value) ? value[0] : value)];
  });
}

import { Client, Connection, type WorkflowExecutionInfo } from '@temporalio/client';
import type { Stack } from './stack.ts';

/** What ops see of a stack in Temporal, from outside. */
export interface TemporalView {
  readonly client: Client;
  /** The workflow ids that a visibility query finds. */
  readonly ids: (query: string) => Promise<string[]>;
  /** What a workflow says in words that it is doing. */
  readonly currentDetails: (workflowId: string) => Promise<string>;
  /** All that Temporal holds of every workflow: histories, memos, attributes; payloads as readable text. */
  readonly everything: () => Promise<string>;
  readonly close: () => Promise<void>;
}

export async function viewTemporal({ ports }: Stack): Promise<TemporalView> {
  const connection = await Connection.connect({ address: `127.0.0.1:${ports.temporal}` });
  const client = new Client({ connection, namespace: 'default' });
  const list = async (query: string): Promise<WorkflowExecutionInfo[]> => {
    const found: WorkflowExecutionInfo[] = [];
    for await (const run of client.workflow.list({ query })) found.push(run);
    return found;
  };
  return {
    client,
    ids: async (query) => (await list(query)).map(({ workflowId }) => workflowId),
    currentDetails: async (workflowId) => {
      const { queryResult } = await connection.workflowService.queryWorkflow({
        namespace: 'default',
        execution: { workflowId },
        query: { queryType: '__temporal_workflow_metadata' },
      });
      return readable(queryResult);
    },
    everything: async () => {
      const texts: string[] = [];
      for (const { workflowId, runId } of await list('')) {
        const handle = client.workflow.getHandle(workflowId, runId);
        const [{ raw }, history] = await Promise.all([handle.describe(), handle.fetchHistory()]);
        texts.push(readable({ workflowId, raw, history }));
      }
      return texts.join('\n');
    },
    close: () => connection.close(),
  };
}

/** JSON in which payloads are the text that they hold: protobuf messages turn bytes into base64 by themselves. */
function readable(value: unknown): string {
  return JSON.stringify(value, (key, part: unknown) =>
    typeof part === 'string' && (key === 'data' || key === 'encoding')
      ? Buffer.from(part, 'base64').toString('utf8')
      : part,
  ).replaceAll('\\"', '"');
}

import { createServer } from 'node:http';
import { once } from 'node:events';
import { z } from 'zod';

const Body = z.object({ event: z.string(), alerts: z.array(z.object({ id: z.string() })) });

/** A message as a webhook got it. */
export interface ReceivedMessage {
  /** When all of it was there, UTC milliseconds. */
  readonly at: number;
  readonly event: string;
  readonly alertIds: readonly string[];
}

export interface MessageReceiver {
  readonly url: string;
  readonly messages: readonly ReceivedMessage[];
  readonly stop: () => void;
}

/** A webhook on a free port of 127.0.0.1, which takes everything. */
export async function startMessageReceiver(): Promise<MessageReceiver> {
  const messages: ReceivedMessage[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    request.on('end', () => {
      const at = Date.now();
      const { event, alerts } = Body.parse(JSON.parse(text));
      messages.push({ at, event, alertIds: alerts.map(({ id }) => id) });
      response.writeHead(204).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    messages,
    url: `http://127.0.0.1:${port}/hook`,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

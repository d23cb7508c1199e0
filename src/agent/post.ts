import { Agent as HttpAgent, request as requestHttp, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { HttpAnswer } from './answer.ts';

const TIMEOUT_MS = 30_000;
const MAX_ANSWER_BYTES = 65_536;

/** One connection is kept for the batches that follow at once; the next post usually finds it closed. */
const agents = {
  http: new HttpAgent({ keepAlive: true, maxSockets: 1 }),
  https: new HttpsAgent({ keepAlive: true, maxSockets: 1 }),
};

/**
 * Posts a body. With node:http, for undici would take 30 MB and 0.1 s of CPU at the start of each agent.
 *
 * @throws what the network says; a TimeoutError after 30 s; the signal's reason when it is aborted
 */
export async function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: Buffer,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const options = {
    method: 'POST',
    headers: { ...headers, 'content-length': String(body.length) },
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
  };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = url.startsWith('https:')
    ? requestHttps(url, { ...options, agent: agents.https }, resolve)
    : requestHttp(url, { ...options, agent: agents.http }, resolve);
  request.on('error', reject);
  request.end(body);
  const response = await promise;
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text: await readStart(response),
  };
}

/** The rest of a long answer is thrown away with its connection. */
async function readStart(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, MAX_ANSWER_BYTES).toString('utf8');
}

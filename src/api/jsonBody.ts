import type { IncomingMessage } from 'node:http';
import { badRequest, bodyTooLarge, unprocessable, unsupportedMediaType, type ApiError } from './errors.ts';

export const BODY_LIMIT_BYTES = 1024 * 1024;

/**
 * A client that is still sending when it is refused would lose the answer to a connection reset: so much of
 * its body is read and thrown away first.
 */
const DRAIN_LIMIT_BYTES = 64 * 1024 * 1024;
const DRAIN_LIMIT_MS = 5_000;

/**
 * Reads the JSON body of a request.
 *
 * @throws ApiError 413, 415, or 422 when there is no body or it is no JSON
 */
export async function readJsonBody(request: IncomingMessage): Promise<unknown> {
  if (!hasBody(request)) throw unprocessable([{ loc: ['body'], msg: 'Field required', type: 'missing' }]);
  assertJsonType(request);
  if (Number(request.headers['content-length'] ?? 0) > BODY_LIMIT_BYTES) {
    await drain(request);
    throw bodyTooLarge(BODY_LIMIT_BYTES);
  }
  return parseJson(await readBytes(request));
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function assertJsonType({ headers }: IncomingMessage): void {
  const [mediaType = '', ...parameters] = (headers['content-type'] ?? '')
    .split(';')
    .map((part) => part.trim().toLowerCase());
  if (!/^application\/([a-z0-9.+-]+\+)?json$/.test(mediaType)) {
    throw unsupportedMediaType('Send the body as JSON, with the header Content-Type: application/json.');
  }
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))?.replace(/"/g, '');
  if (charset !== undefined && !['charset=utf-8', 'charset=utf8'].includes(charset)) {
    throw unsupportedMediaType('Send JSON in UTF-8, the only charset that it has.');
  }
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
    throw unsupportedMediaType('Send the body without Content-Encoding: compressed bodies are not taken.');
  }
}

async function readBytes(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    // Left early, the iterator would destroy the socket, and the answer with it.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > BODY_LIMIT_BYTES) break;
      chunks.push(chunk);
    }
  } catch {
    throw badRequest('The connection ended before the body did.');
  }
  if (length > BODY_LIMIT_BYTES) {
    await drain(request);
    throw bodyTooLarge(BODY_LIMIT_BYTES);
  }
  return Buffer.concat(chunks);
}

async function drain(request: IncomingMessage): Promise<void> {
  if (request.readableEnded) return;
  await new Promise<void>((resolve) => {
    let drained = 0;
    setTimeout(resolve, DRAIN_LIMIT_MS).unref();
    request.once('end', resolve).once('close', resolve);
    request.on('data', (chunk: Buffer) => {
      drained += chunk.length;
      if (drained > DRAIN_LIMIT_BYTES) resolve();
    });
  });
}

function parseJson(bytes: Buffer): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalidJson('it is not valid UTF-8');
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    // V8's message quotes the text, which may hold a secret: only the place is passed on.
    const place = /at position \d+ \((line \d+ column \d+)\)/.exec(
      error instanceof Error ? error.message : '',
    );
    throw invalidJson(
      place?.[1] === undefined ? 'it ends too early or is no JSON at all' : `see ${place[1]}`,
    );
  }
}

function invalidJson(reason: string): ApiError {
  return unprocessable([
    { loc: ['body'], msg: `JSON decode error: the body cannot be read, ${reason}`, type: 'json_invalid' },
  ]);
}

import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { badRequest, bodyTooLarge, unprocessable, unsupportedMediaType, type ApiError } from './errors.ts';

const BODY_LIMIT_BYTES = 1024 * 1024;

/** How a body may come. */
export interface BodyReading {
  /** Of the body as it is sent, and once more of what it is when inflated. */
  readonly limitBytes: number;
  /** Whether `Content-Encoding: gzip` is taken. */
  readonly gzip: boolean;
  /** A request without any body is then one with an empty object. */
  readonly isOptional?: boolean;
}

export const PLAIN_BODY: BodyReading = { limitBytes: BODY_LIMIT_BYTES, gzip: false };
export const OPTIONAL_BODY: BodyReading = { ...PLAIN_BODY, isOptional: true };

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
export async function readJsonBody(
  request: IncomingMessage,
  { limitBytes, gzip, isOptional = false }: BodyReading = PLAIN_BODY,
): Promise<unknown> {
  if (!hasBody(request)) {
    if (isOptional) return {};
    throw unprocessable([{ loc: ['body'], msg: 'Field required', type: 'missing' }]);
  }
  assertJsonType(request);
  const isCompressed = assertEncoding(request, gzip);
  if (Number(request.headers['content-length'] ?? 0) > limitBytes) {
    await drain(request);
    throw bodyTooLarge(limitBytes);
  }
  const bytes = await readBytes(request, limitBytes);
  return parseJson(isCompressed ? await inflated(bytes, limitBytes) : bytes);
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
}

/** @returns whether the body is compressed */
function assertEncoding({ headers }: IncomingMessage, takesGzip: boolean): boolean {
  const encoding = (headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (encoding === 'identity') return false;
  if (encoding === 'gzip' && takesGzip) return true;
  throw unsupportedMediaType(
    takesGzip
      ? 'Send the body as it is, or with Content-Encoding: gzip, the only encoding that is taken.'
      : 'Send the body without Content-Encoding: compressed bodies are not taken.',
  );
}

/** Bounded: a few bytes may inflate to gigabytes. */
async function inflated(bytes: Buffer, limitBytes: number): Promise<Buffer> {
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: limitBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw bodyTooLarge(limitBytes);
    const msg = 'The body cannot be inflated: send whole gzip data, or no Content-Encoding';
    throw unprocessable([{ loc: ['body'], msg, type: 'gzip_invalid' }]);
  }
}

async function readBytes(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    // Left early, the iterator would destroy the socket, and the answer with it.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > limitBytes) break;
      chunks.push(chunk);
    }
  } catch {
    throw badRequest('The connection ended before the body did.');
  }
  if (length > limitBytes) {
    await drain(request);
    throw bodyTooLarge(limitBytes);
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

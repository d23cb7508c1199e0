import type { Socket } from 'node:net';
import { Client, type Dispatcher } from 'undici';
import { exchangeFailure } from './exchangeFailure.ts';
import { ProbeFailure, ProbeStopped } from './failure.ts';
import { elapsedMs, type Progress } from './progress.ts';
import type { Hop } from './request.ts';

/** The most that is read of an answer's body, as it comes over the wire. */
const MAX_BODY_BYTES = 1024 * 1024;

const MAX_HEADER_BYTES = 64 * 1024;

export interface Answer {
  readonly statusCode: number;
  /** The Location header, or null when there is none. */
  readonly location: string | null;
}

interface ExchangeContext {
  readonly endpoint: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** Called with the final headers: whether the body is worth reading. It may throw a ProbeFailure. */
  readonly wantsBody: (answer: Answer) => boolean;
}

const OVER = new Error('The check is over');

/**
 * Sends one HTTP/1.1 request over an open connection and reads the answer: its headers, and its body when
 * that is wanted. The connection is closed in any case.
 *
 * @throws ProbeFailure of class `connect` (closed before an answer), `protocol`, `body_too_large`, `tls` or
 *   `monitor`, or what `wantsBody` throws; ProbeStopped when aborted.
 */
export function exchange(socket: Socket, hop: Hop, context: ExchangeContext): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { progress, signal } = context;
    const client = new Client(hop.url.origin, {
      connect: handOver(socket),
      maxHeaderSize: MAX_HEADER_BYTES,
      // One deadline covers the whole check; undici's own timers would only add to the work.
      headersTimeout: 0,
      bodyTimeout: 0,
      allowH2: false,
    });
    const end = () => {
      signal.removeEventListener('abort', onAbort);
      client.destroy(OVER, () => undefined);
    };
    const onAbort = () => {
      end();
      reject(new ProbeStopped());
    };
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    progress.stage = 'connected, waiting for the first byte';
    const handler = new AnswerHandler(hop, context, {
      answered: (answer) => {
        end();
        resolve(answer);
      },
      failed: (error) => {
        end();
        reject(error instanceof ProbeFailure ? error : exchangeFailure(error, context.endpoint, progress));
      },
    });
    client.dispatch(
      {
        path: `${hop.url.pathname}${hop.url.search}`,
        method: hop.method,
        headers: [...hop.headers].flat(),
        body: hop.body,
        reset: true,
      },
      handler,
    );
  });
}

/** Gives undici the connection that is open already; it never gets a second one. */
function handOver(socket: Socket): NonNullable<Client.Options['connect']> {
  let isGone = false;
  return (_options, callback) => {
    queueMicrotask(() => {
      if (isGone || socket.destroyed) {
        callback(socket.errored ?? Object.assign(new Error('closed'), { code: 'ECONNRESET' }), null);
      } else {
        isGone = true;
        callback(null, socket);
      }
    });
  };
}

interface Verdicts {
  readonly answered: (answer: Answer) => void;
  readonly failed: (error: unknown) => void;
}

/** Takes an answer apart as undici delivers it. After a verdict, what still comes in is ignored. */
class AnswerHandler implements Dispatcher.DispatchHandler {
  readonly #hop: Hop;
  readonly #context: ExchangeContext;
  readonly #verdicts: Verdicts;
  readonly #startedTick = performance.now();
  #answer: Answer | null = null;
  #bodyBytes = 0;
  #isOver = false;

  constructor(hop: Hop, context: ExchangeContext, verdicts: Verdicts) {
    this.#hop = hop;
    this.#context = context;
    this.#verdicts = verdicts;
  }

  /** undici insists on it. */
  onRequestStart(): void {}

  /** Its first byte is here; also called for each interim answer (1xx). */
  onResponseStarted(): void {
    const { progress } = this.#context;
    progress.firstByteMs ??= elapsedMs(this.#startedTick);
    progress.stage = 'the answer has begun, its headers are not complete';
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    if (statusCode < 200 || this.#isOver) return;
    const { progress, wantsBody } = this.#context;
    progress.statusCode = statusCode;
    progress.stage = `status ${statusCode}, the body is not complete`;
    this.#answer = { statusCode, location: locationOf(headers['location']) };
    try {
      if (!wantsBody(this.#answer)) {
        this.#finish();
      } else if (this.#hasBody(statusCode) && Number(headers['content-length'] ?? 0) > MAX_BODY_BYTES) {
        this.#fail(bodyTooLarge());
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bodyBytes += chunk.length;
    if (this.#bodyBytes > MAX_BODY_BYTES) this.#fail(bodyTooLarge());
  }

  onResponseEnd(): void {
    this.#finish();
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.#fail(error);
  }

  /** Where there is none, content-length tells what a GET would bring (RFC 9110, 8.6). */
  #hasBody(statusCode: number): boolean {
    return this.#hop.method !== 'HEAD' && statusCode !== 204 && statusCode !== 304;
  }

  #finish(): void {
    if (this.#isOver || this.#answer === null) return;
    this.#isOver = true;
    this.#verdicts.answered(this.#answer);
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#verdicts.failed(error);
  }
}

function bodyTooLarge(): ProbeFailure {
  return new ProbeFailure('body_too_large', 'The body is larger than 1 MiB');
}

/** Headers arrive as Latin-1; a Location with other letters in it is UTF-8 in practice, as browsers take it. */
function locationOf(header: string | string[] | undefined): string | null {
  const first = Array.isArray(header) ? header[0] : header;
  return first === undefined ? null : Buffer.from(first, 'latin1').toString('utf8');
}

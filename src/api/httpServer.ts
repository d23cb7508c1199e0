import { randomUUID } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type Koa from 'koa';
import type { ApiState } from './context.ts';

/** A proxy in front reuses its connections for a minute: ours stay open a little longer, or it meets closed ones. */
const KEEP_ALIVE_MS = 75_000;
const METHODS = 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT';

/** An HTTP server that answers what Node refuses before Koa sees it in the shape of all other errors. */
export function createHttpServer(app: Koa<ApiState, object>): Server {
  const handle = app.callback();
  const server = createServer(
    {
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: 20_000,
      requestTimeout: 60_000,
      requireHostHeader: false,
    },
    (request, response) => void handle(request, response),
  );
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else refuse(socket, ...refusalOf(error.code));
  });
  server.on('connect', (_request, socket) => refuse(socket, 405, `This server takes ${METHODS} only.`));
  server.on('checkExpectation', (request, response: ServerResponse) => {
    refuse(request.socket, 417, 'This server knows no expectation but 100-continue.');
    response.destroy();
  });
  return server;
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  417: 'Expectation Failed',
  431: 'Request Header Fields Too Large',
};

function refusalOf(code: string | undefined): [status: number, detail: string] {
  switch (code) {
    case 'HPE_INVALID_METHOD':
      return [405, `This server takes ${METHODS} only.`];
    case 'HPE_HEADER_OVERFLOW':
      return [431, 'The headers of a request may have 16 KiB in all.'];
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [408, 'The request did not arrive in time.'];
    default:
      return [400, 'The request is not valid HTTP/1.1.'];
  }
}

function refuse(socket: Duplex, status: number, detail: string): void {
  const body = JSON.stringify({ detail });
  const headers = [
    `HTTP/1.1 ${status} ${REASONS[status] ?? 'Error'}`,
    ...(status === 405 ? [`Allow: ${METHODS}`] : []),
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${randomUUID()}`,
    'Connection: close',
  ];
  socket.end(`${headers.join('\r\n')}\r\n\r\n${body}`);
}

import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { until as untilHolds } from './until.ts';

/** A server on a free port of 127.0.0.1 that does whatever a test wants with its connections. */
export interface MisbehavingServer extends AsyncDisposable {
  readonly port: number;
  /** `http://127.0.0.1:port`, or https when it speaks TLS. */
  readonly origin: string;
  /** Connections accepted since it started. */
  accepted(): number;
  /** What clients have sent so far, all connections in one. */
  received(): string;
  /** Resolves when no client is connected any more; rejects when that takes longer than 5 s. */
  idle(): Promise<void>;
  /** Resolves when a client has sent something; rejects when that takes longer than 5 s. */
  heard(): Promise<void>;
}

export type Behaviour = (socket: Socket) => void;

export async function startMisbehavingServer(
  behave: Behaviour,
  tls?: TlsOptions,
): Promise<MisbehavingServer> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  let received = '';
  const track = (socket: Socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  };
  const serve = (socket: Socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    behave(socket);
  };
  const server: Server = tls === undefined ? createTcpServer(serve) : createTlsServer(tls, serve);
  server.on('connection', track);
  server.on('tlsClientError', () => undefined);
  const port = await listen(server);
  return {
    port,
    origin: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    accepted: () => accepted,
    received: () => received,
    idle: () => until(() => sockets.size === 0, 'all clients to be gone'),
    heard: () => until(() => received !== '', 'a client to send something'),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** A port of 127.0.0.1 on which nobody listens: it was free a moment ago. */
export async function refusedPort(): Promise<number> {
  const server = createTcpServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Waits for a condition, and fails with `what` when it has not come true within 5 s. */
export function until(condition: () => boolean, what: string): Promise<void> {
  return untilHolds(condition, { withinMs: 5_000, everyMs: 2, what });
}

/** Accepts, reads, never answers. */
export const staysSilent: Behaviour = (socket) => {
  socket.resume();
};

/** Closes as soon as a client connects. */
export const hangsUpAtOnce: Behaviour = (socket) => {
  socket.end();
};

/** Waits for the request, then says this, then closes. */
export function says(text: string): Behaviour {
  return (socket) => {
    socket.once('data', () => socket.end(text, 'latin1'));
  };
}

/** Waits for the request, says this, then keeps the connection open in silence. */
export function saysAndWaits(text: string): Behaviour {
  return (socket) => {
    socket.once('data', () => socket.write(text, 'latin1'));
  };
}

/** Waits for the request, says this (nothing, if it is empty), then resets the connection. */
export function saysAndResets(text: string): Behaviour {
  return (socket) => {
    socket.once('data', () => {
      if (text === '') socket.resetAndDestroy();
      else socket.write(text, 'latin1', () => socket.resetAndDestroy());
    });
  };
}

/** Waits for the request, says `head`, then `drop` again and again, a little at a time, without end. */
export function drips(head: string, drop: string, everyMs = 5): Behaviour {
  return (socket) => {
    socket.once('data', () => {
      socket.write(head, 'latin1');
      const tap = setInterval(() => socket.write(drop, 'latin1'), everyMs);
      socket.on('close', () => clearInterval(tap));
    });
  };
}

/** Waits for the request, then sends a body without end as fast as it is read. */
export const floods: Behaviour = (socket) => {
  const chunk = Buffer.alloc(64 * 1024, 'x');
  const pour = () => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.once('data', () => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    pour();
  });
  socket.on('drain', pour);
};

/** A whole answer with its length. */
export function answer(status: string, headers: Readonly<Record<string, string>> = {}, body = ''): string {
  const lines = Object.entries({ 'Content-Length': `${body.length}`, ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  return [`HTTP/1.1 ${status}`, ...lines, '', body].join('\r\n');
}

/**
 * The witness: a server of many targets, in a process of its own, that notes who asked for what and when. Bare
 * sockets, since every millisecond it takes is missing to what is measured.
 */
import { createServer, type Socket } from 'node:net';
import type { FarmAnswer, FarmOrder } from './farmProcess.ts';

/** Beyond this it counts without noting when: some 100 MB. */
const NOTED_REQUESTS = 5_000_000;
const LONGEST_HEAD_BYTES = 16_384;

const hits = new Map<string, number[]>();
const failing = new Set<string>();
let noted = 0;
let notNoted = 0;

const PASSES = answerOf('200 OK', 'ok\n');
const FAILS = answerOf('500 Internal Server Error', 'broken by the bench\n');

function answerOf(status: string, body: string): string {
  return `HTTP/1.1 ${status}\r\ncontent-type: text/plain\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`;
}

function note(path: string): void {
  if (noted >= NOTED_REQUESTS) {
    notNoted += 1;
    return;
  }
  noted += 1;
  const times = hits.get(path);
  if (times === undefined) hits.set(path, [Date.now()]);
  else times.push(Date.now());
}

function serve(socket: Socket): void {
  let head = '';
  socket.on('error', () => undefined); // A client that was killed.
  socket.on('data', (bytes) => {
    head += bytes.toString('latin1');
    if (head.length > LONGEST_HEAD_BYTES) socket.destroy();
    if (!head.includes('\r\n\r\n')) return;
    const path = head.split(' ', 2)[1] ?? '/';
    note(path);
    socket.end(failing.has(path) ? FAILS : PASSES);
  });
}

function obey(order: FarmOrder): FarmAnswer['answer'] {
  switch (order.kind) {
    case 'hits':
      return { hits, notNoted };
    case 'forget':
      hits.clear();
      noted = 0;
      return null;
    case 'fail':
      for (const path of order.paths) failing.add(path);
      return null;
  }
}

const server = createServer(serve);
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 });
});

process.on('message', (message: { readonly id: number; readonly order: FarmOrder }) => {
  process.send?.({ id: message.id, answer: obey(message.order) } satisfies FarmAnswer);
});
process.once('disconnect', () => process.exit(0));
// Ctrl-C reaches the whole group; who started the farm ends it.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);

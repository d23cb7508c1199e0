import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';

/** An address and port that answer no attempt to connect, as behind a firewall that drops packets. */
export interface BlackHole extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
}

/** Listens, then sleeps for good: the kernel takes connections until its queue is full, then no more. */
const LISTENER = `
  const { parentPort, workerData } = require('node:worker_threads');
  const server = require('node:net').createServer();
  server.listen({ host: workerData.address, port: workerData.port, backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
  });
`;

/** How long the kernel may take to accept a connection on this machine before its queue counts as full. */
const FULL_AFTER_MS = 300;
const MORE_THAN_ANY_QUEUE = 50;

export async function startBlackHole({ address = '127.0.0.1', port = 0 } = {}): Promise<BlackHole> {
  const worker = new Worker(LISTENER, { eval: true, workerData: { address, port } });
  const listening = await new Promise<number>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  const queued: Socket[] = [];
  while (await isAccepted(address, listening, queued)) {
    if (queued.length > MORE_THAN_ANY_QUEUE) throw new Error('The queue of the kernel does not fill up');
  }
  return {
    address,
    port: listening,
    async [Symbol.asyncDispose]() {
      for (const socket of queued) socket.destroy();
      await worker.terminate();
    },
  };
}

function isAccepted(host: string, port: number, queued: Socket[]): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (accepted: boolean) => {
      clearTimeout(patience);
      if (accepted) queued.push(socket);
      else socket.destroy();
      resolve(accepted);
    };
    const patience = setTimeout(() => end(false), FULL_AFTER_MS);
    socket.on('error', () => end(false));
    socket.once('connect', () => end(true));
  });
}

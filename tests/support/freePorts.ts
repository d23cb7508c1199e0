import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Finds ports that nobody listens on. They lie below the range from which the system takes the local ports of
 * outgoing connections, so that none of those takes one between here and the server's start.
 */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) {
    const port = randomInt(15_000, 32_000);
    if (await isFree(port)) found.add(port);
  }
  return [...found];
}

/** One such port. */
export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

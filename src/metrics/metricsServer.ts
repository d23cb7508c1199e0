import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { collectDefaultMetrics, type Registry } from 'prom-client';
import type { Logger } from '../logger.ts';

interface MetricsServerOptions {
  readonly host: string;
  readonly port: number;
  readonly registry: Registry;
  readonly logger: Logger;
}

export interface MetricsServer {
  readonly close: () => Promise<void>;
}

/**
 * Serves a registry, and what Node says of its process, as Prometheus text at `GET /metrics`. Nobody's checks depend
 * on it: where the port cannot be opened, that is logged, and the process goes on without.
 */
export async function serveMetrics(options: MetricsServerOptions): Promise<MetricsServer> {
  const { host, port, registry, logger } = options;
  const server = createServer((request, response) => void answer(registry, request, response));
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, 'listening');
  } catch (error) {
    logger.warn({ err: error, host, port }, 'metrics are not served: WORKER_METRICS_PORT cannot be opened');
    return { close: () => Promise.resolve() };
  }
  server.on('error', (error) => logger.warn({ err: error }, 'the metrics server has a fault'));
  collectDefaultMetrics({ register: registry });
  logger.info({ host, port }, 'metrics are served');
  return { close: () => close(server) };
}

async function answer(registry: Registry, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (!isRead || request.url?.split('?', 1)[0] !== '/metrics') {
    response.writeHead(isRead ? 404 : 405, { 'Content-Type': 'text/plain' }).end('Ask for GET /metrics.\n');
    return;
  }
  try {
    const text = await registry.metrics();
    response.writeHead(200, { 'Content-Type': registry.contentType }).end(text);
  } catch (error) {
    response.writeHead(500, { 'Content-Type': 'text/plain' }).end(`${String(error)}\n`);
  }
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

import { afterEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Counter, Registry } from 'prom-client';
import { serveMetrics, type MetricsServer } from '../../../src/metrics/metricsServer.ts';
import { freePort } from '../../support/freePorts.ts';
import { scrape } from '../../support/readMetrics.ts';

const open: MetricsServer[] = [];
let log = '';
const logger = pino({ level: 'info' }, { write: (line: string) => (log += line) });

afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
  log = '';
});

async function serve(port: number, host = '127.0.0.1'): Promise<MetricsServer> {
  const registry = new Registry();
  new Counter({ name: 'shops_total', help: 'Shops.', registers: [registry] }).inc(3);
  const server = await serveMetrics({ host, port, registry, logger });
  open.push(server);
  return server;
}

describe('serveMetrics', () => {
  it('should serve the registry, and what Node says of its process', async () => {
    const port = await freePort();
    await serve(port);
    const value = await scrape(port);
    expect(value('shops_total')).toBe(3);
    expect(value('process_resident_memory_bytes')).toBeGreaterThan(1_000_000);
    expect(value('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThanOrEqual(0);
  });

  it('should be read as Prometheus text, at /metrics only', async () => {
    const port = await freePort();
    await serve(port);
    const at = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init);
    const response = await at('/metrics?name=x');
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    await response.text();
    expect((await at('/')).status).toBe(404);
    expect((await at('/metrics', { method: 'POST' })).status).toBe(405);
  });

  it.each([
    ['a port that is taken', (port: number) => serve(port)],
    ['an address that is not ours', (port: number) => serve(port, '192.0.2.1')],
  ])('should warn of %s and go on', async (_what, serveBadly) => {
    const port = await freePort();
    await serve(port);
    await serveBadly(port);
    expect(log).toContain('WORKER_METRICS_PORT cannot be opened');
    expect((await scrape(port))('shops_total')).toBe(3);
  });

  it('should give its port back', async () => {
    const port = await freePort();
    const server = await serve(port);
    await scrape(port); // leaves a connection open
    await server.close();
    open.splice(0);
    await serve(port);
    expect(log).not.toContain('cannot be opened');
  });
});

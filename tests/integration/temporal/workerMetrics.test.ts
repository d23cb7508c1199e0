import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { sql } from 'kysely';
import { freePort } from '../../support/freePorts.ts';
import { scrape, type ReadMetrics } from '../../support/readMetrics.ts';
import { watchedTarget, type SteadyTarget } from '../../support/steadyTargets.ts';
import { until } from '../../support/until.ts';
import { startWorkerProcess, type WorkerProcess } from '../../support/workerProcess.ts';
import { openWorkerSurroundings, type WorkerSurroundings } from '../../support/workerSurroundings.ts';

jest.setTimeout(60_000);

const WATCHED = { kind: 'scheduled', mode: 'watch' };
const STEPPED = { kind: 'scheduled', mode: 'step' };

let surroundings: WorkerSurroundings;
let target: SteadyTarget;
let port: number;
const started: WorkerProcess[] = [];

async function startWorker(name: string, metricsPort: number): Promise<WorkerProcess> {
  const worker = await startWorkerProcess(name, {
    ...surroundings.env,
    WORKER_METRICS_PORT: String(metricsPort),
  });
  started.push(worker);
  return worker;
}

/** Waits until what the worker exports satisfies the test. @returns all of it, of that moment */
async function exported(what: string, holds: (value: ReadMetrics) => boolean): Promise<ReadMetrics> {
  let last: ReadMetrics = () => undefined;
  await until(async () => holds((last = await scrape(port))), { what, everyMs: 100 });
  return last;
}

beforeAll(async () => {
  surroundings = await openWorkerSurroundings();
  port = await freePort();
});
afterAll(async () => {
  await Promise.all(started.map((worker) => worker.kill()));
  await surroundings.close();
});

describe('the metrics of a worker', () => {
  it('are not worth its life: one whose port is taken watches all the same', async () => {
    const holder = createServer().listen(port, '127.0.0.1');
    await once(holder, 'listening');
    const worker = await startWorker('one', port);
    target = await watchedTarget(surroundings, { retryIntervalSeconds: 1 });
    expect(worker.log()).toContain('WORKER_METRICS_PORT cannot be opened');
    await worker.kill();
    holder.close();
  });

  it('tell of the watches that it has taken over, and of its checks', async () => {
    await startWorker('two', port);
    const checked = await exported('a check', (value) => {
      return value('monitoring_checks_total', { ...WATCHED, result: 'ok' }) === 1;
    });
    expect(checked('monitoring_watch_takeovers_total')).toBe(1);
    expect(checked('monitoring_watches')).toBe(1);
    expect(checked('monitoring_check_lateness_seconds_count', { mode: 'watch' })).toBe(1);
    expect(checked('monitoring_probe_duration_seconds_count')).toBe(1);
    expect(checked('monitoring_probes_in_flight')).toBe(0);
    expect(checked('monitoring_worker_lease_lost_total')).toBe(0);
    expect(checked('process_cpu_seconds_total')).toBeGreaterThan(0);
    await exported('its commit', (value) => value('monitoring_recorder_group_size_sum') === 1);
  });

  it('tell of a lease that others have ended', async () => {
    await sql`delete from workers`.execute(surroundings.db.orm.em.fork().getKysely<object>());
    const lost = await exported(
      'the watch again',
      (value) => value('monitoring_watch_takeovers_total') === 2,
    );
    expect(lost('monitoring_worker_lease_lost_total')).toBe(1);
    expect(lost('monitoring_watches_ended_total', { reason: 'lost' })).toBe(1);
    expect(lost('monitoring_watches')).toBe(1);
  });

  it('tell why a watch has ended, and of the checks that the workflow steps', async () => {
    const failed = { result: 'http_status' };
    surroundings.farm.answer(target.path, 503);
    const ended = await exported('the end of the watch', (value) => {
      return value('monitoring_watches_ended_total', { reason: 'failure' }) === 1;
    });
    expect(ended('monitoring_checks_total', { ...WATCHED, ...failed })).toBe(1);
    await exported(
      'a step',
      (value) => (value('monitoring_checks_total', { ...STEPPED, ...failed }) ?? 0) > 0,
    );
  });
});

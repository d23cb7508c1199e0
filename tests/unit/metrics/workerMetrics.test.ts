import { beforeEach, describe, expect, it } from '@jest/globals';
import { WorkerMetrics } from '../../../src/metrics/workerMetrics.ts';
import { buildFailure, buildResult } from '../../support/buildCheck.ts';
import { readMetrics, type ReadMetrics } from '../../support/readMetrics.ts';

let metrics: WorkerMetrics;

beforeEach(() => {
  metrics = new WorkerMetrics();
});

async function read(): Promise<ReadMetrics> {
  return readMetrics(await metrics.registry.metrics());
}

describe('WorkerMetrics', () => {
  it('should count checks by result, kind and mode', async () => {
    metrics.checked('watch', buildResult());
    metrics.checked('watch', buildResult());
    metrics.checked('step', buildFailure({ failureClass: 'timeout', kind: 'manual' }));
    const value = await read();
    expect(value('monitoring_checks_total', { result: 'ok', kind: 'scheduled', mode: 'watch' })).toBe(2);
    expect(value('monitoring_checks_total', { result: 'timeout', kind: 'manual', mode: 'step' })).toBe(1);
    expect(value('monitoring_checks_total', { result: 'ok', kind: 'scheduled', mode: 'step' })).toBe(0);
  });

  it('should sort scheduled checks by how long after their slot they began', async () => {
    const scheduledAt = Date.UTC(2026, 0, 1);
    metrics.checked('watch', buildResult({ scheduledAt, startedAt: scheduledAt + 4 }));
    metrics.checked('watch', buildResult({ scheduledAt, startedAt: scheduledAt + 700 }));
    metrics.checked('watch', buildResult({ scheduledAt, startedAt: scheduledAt - 3 }));
    metrics.checked('step', buildResult({ scheduledAt, startedAt: scheduledAt + 90_000, kind: 'manual' }));
    const value = await read();
    const watched = { mode: 'watch' };
    expect(value('monitoring_check_lateness_seconds_bucket', { ...watched, le: '0.005' })).toBe(2);
    expect(value('monitoring_check_lateness_seconds_bucket', { ...watched, le: '0.5' })).toBe(2);
    expect(value('monitoring_check_lateness_seconds_bucket', { ...watched, le: '1' })).toBe(3);
    expect(value('monitoring_check_lateness_seconds_sum', watched)).toBeCloseTo(0.704);
    expect(value('monitoring_check_lateness_seconds_count', { mode: 'step' })).toBeUndefined();
  });

  it('should measure probes, those of manual checks included', async () => {
    metrics.checked('watch', buildResult());
    metrics.checked('step', buildResult({ kind: 'manual' }));
    const value = await read();
    expect(value('monitoring_probe_duration_seconds_sum')).toBeCloseTo(2 * 0.034);
    expect(value('monitoring_probe_duration_seconds_bucket', { le: '0.05' })).toBe(2);
  });

  it('should measure commits, and count those that Postgres refused', async () => {
    metrics.committed({ groupSize: 40, tookMs: 8, isRefused: false });
    metrics.committed({ groupSize: 3, tookMs: 1_200, isRefused: true });
    const value = await read();
    expect(value('monitoring_recorder_commit_duration_seconds_count')).toBe(2);
    expect(value('monitoring_recorder_commit_duration_seconds_bucket', { le: '0.01' })).toBe(1);
    expect(value('monitoring_recorder_group_size_sum')).toBe(43);
    expect(value('monitoring_recorder_refused_commits_total')).toBe(1);
  });

  it('should say what there is at the moment of the question', async () => {
    let watches = 7;
    metrics.watchGauges({ watches: () => watches, probesWaiting: () => 2, resultsWaiting: () => 5 });
    metrics.probeBegan();
    metrics.probeBegan();
    metrics.probeEnded();
    watches = 8;
    const value = await read();
    expect(value('monitoring_watches')).toBe(8);
    expect(value('monitoring_probes_in_flight')).toBe(1);
    expect(value('monitoring_probes_waiting')).toBe(2);
    expect(value('monitoring_recorder_results_waiting')).toBe(5);
  });

  it('should say whether the network is lost', async () => {
    let isLost = false;
    metrics.networkGauge(() => isLost);
    expect((await read())('monitoring_network_lost')).toBe(0);
    isLost = true;
    expect((await read())('monitoring_network_lost')).toBe(1);
  });

  it('should count attempts at messages by channel and result', async () => {
    metrics.delivered('slack', 'sent');
    metrics.delivered('slack', 'failed');
    metrics.delivered('email', 'sent');
    metrics.delivered('slack', 'sent');
    const value = await read();
    expect(value('monitoring_deliveries_total', { channel: 'slack', result: 'sent' })).toBe(2);
    expect(value('monitoring_deliveries_total', { channel: 'slack', result: 'failed' })).toBe(1);
    expect(value('monitoring_deliveries_total', { channel: 'email', result: 'sent' })).toBe(1);
  });

  it('should count what becomes of watches, and leases that were lost', async () => {
    metrics.watchesClaimed(30);
    metrics.watchesClaimed(12);
    metrics.watchGone('window');
    metrics.watchGone('lost');
    metrics.watchGone('window');
    metrics.leaseLost();
    const value = await read();
    expect(value('monitoring_watch_takeovers_total')).toBe(42);
    expect(value('monitoring_watches_ended_total', { reason: 'window' })).toBe(2);
    expect(value('monitoring_watches_ended_total', { reason: 'lost' })).toBe(1);
    expect(value('monitoring_worker_lease_lost_total')).toBe(1);
  });
});

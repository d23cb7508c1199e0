import type { z } from 'zod';
import type { DependencyReport, ReadinessReport } from './readiness.ts';
import type { Readiness } from './schema.ts';

export function presentReadiness(report: ReadinessReport): z.output<typeof Readiness> {
  return {
    status: isReady(report) ? 'ok' : 'unavailable',
    postgres: presentDependency(report.postgres),
    temporal: presentDependency(report.temporal),
    worker: presentDependency(report.worker),
  };
}

export function isReady({ postgres, temporal, worker }: ReadinessReport): boolean {
  return postgres.isUp && temporal.isUp && worker.isUp;
}

function presentDependency({ isUp, latencyMs, detail }: DependencyReport) {
  return {
    state: isUp ? ('up' as const) : ('down' as const),
    latency_ms: latencyMs,
    ...(detail === null ? {} : { detail }),
  };
}

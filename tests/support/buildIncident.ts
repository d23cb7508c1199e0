import type { AlertingRules, Incident } from '../../src/domain/incident.ts';

/** Noon. */
export const OPENED_AT = Date.UTC(2026, 5, 1, 12);

/** One that has just opened and is told to nobody yet. */
export function buildIncident(overrides: Partial<Incident> = {}): Incident {
  return {
    id: 'incident-1',
    number: 1,
    title: 'shop is down',
    type: 'http_target',
    severity: 'critical',
    status: 'open',
    openedAt: OPENED_AT,
    activeSince: OPENED_AT,
    resolvedAt: null,
    lastChangeAt: OPENED_AT,
    reopenings: 0,
    isFlapping: false,
    acknowledgedAt: null,
    untoldSince: OPENED_AT,
    untoldUntil: OPENED_AT,
    toldAt: null,
    messages: 0,
    ...overrides,
  };
}

/** The defaults of the settings. */
export function buildRules(overrides: Partial<AlertingRules> = {}): AlertingRules {
  return {
    isGroupingEnabled: true,
    groupingWindowMs: 300_000,
    groupWaitMs: 30_000,
    graceMs: 0,
    reminderMs: 0,
    notifyOnResolve: true,
    ...overrides,
  };
}

/** Severities from the least to the worst. */
export const SEVERITIES = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What an alert is about. */
export const ALERT_SOURCES = ['http_target', 'heartbeat', 'metric', 'certificate', 'monitor'] as const;
export type AlertSource = (typeof ALERT_SOURCES)[number];

export type AlertStatus = 'firing' | 'acknowledged' | 'resolved';

/** @returns the worst of them; `info` for none */
export function worstSeverity(severities: readonly Severity[]): Severity {
  return SEVERITIES[Math.max(0, ...severities.map((severity) => SEVERITIES.indexOf(severity)))] ?? 'info';
}

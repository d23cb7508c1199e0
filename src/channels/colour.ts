import type { Severity } from '../domain/alert.ts';
import type { IncidentMessage, ToldAlert } from '../domain/incidentMessage.ts';

/** Dark enough for white paper and light enough for a black one. */
const SEVERITY_COLOURS: Readonly<Record<Severity, string>> = {
  critical: '#d93f3f',
  warning: '#d98a00',
  info: '#3f7fd9',
};
const RESOLVED = '#2f9e58';
const NEUTRAL = '#808080';

/** As "#rrggbb". */
export function messageColour({ kind, severity }: Pick<IncidentMessage, 'kind' | 'severity'>): string {
  if (kind === 'resolved') return RESOLVED;
  return kind === 'test' ? NEUTRAL : SEVERITY_COLOURS[severity];
}

/** As "#rrggbb". */
export function alertColour({ status, severity }: Pick<ToldAlert, 'status' | 'severity'>): string {
  if (status === 'resolved') return RESOLVED;
  return status === 'acknowledged' ? NEUTRAL : SEVERITY_COLOURS[severity];
}

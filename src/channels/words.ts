import { moreAlerts, type IncidentMessage, type ToldAlert } from '../domain/incidentMessage.ts';
import { oneLine } from './excerpt.ts';

/** What a message that may come twice says of itself. */
export const REPEAT_NOTICE = 'This may be a repeat: an earlier attempt to send it ended without an answer.';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** "2026-11-24 07:55 UTC". @param time ISO 8601 */
export function timeInWords(time: string): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** "45 s", "12 min", "3 h 5 min", "2 d 4 h". */
export function durationInWords(ms: number): string {
  if (ms < MINUTE_MS) return `${Math.max(0, Math.floor(ms / SECOND_MS))} s`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} min`;
  return ms < DAY_MS
    ? inTwoUnits(ms, HOUR_MS, 'h', MINUTE_MS, 'min')
    : inTwoUnits(ms, DAY_MS, 'd', HOUR_MS, 'h');
}

function inTwoUnits(ms: number, large: number, largeUnit: string, small: number, smallUnit: string): string {
  const rest = Math.floor((ms % large) / small);
  return `${Math.floor(ms / large)} ${largeUnit}${rest === 0 ? '' : ` ${rest} ${smallUnit}`}`;
}

/** "CRITICAL"; "RESOLVED" and "TEST", of which no severity is told. */
export function label({ kind, severity }: Pick<IncidentMessage, 'kind' | 'severity'>): string {
  return (kind === 'resolved' || kind === 'test' ? kind : severity).toUpperCase();
}

/** "[CRITICAL] DOWN: shop (#12)". */
export function titleLine({ kind, severity, headline, incident }: IncidentMessage): string {
  const number = incident === null ? '' : ` (#${incident.number})`;
  return `[${label({ kind, severity })}] ${oneLine(headline)}${number}`;
}

/** "Critical", "Acknowledged", "Resolved". */
export function alertState({ status, severity }: Pick<ToldAlert, 'status' | 'severity'>): string {
  const state = status === 'firing' ? severity : status;
  return `${state.charAt(0).toUpperCase()}${state.slice(1)}`;
}

/** "shop is down: Connection refused", with why it is over where it is: "(answers again)". */
export function alertText({ text, resolution }: Pick<ToldAlert, 'text' | 'resolution'>): string {
  return `${oneLine(text)}${resolution === null ? '' : ` (${oneLine(resolution)})`}`;
}

/** "Incident #12, open since 2026-11-24 07:55 UTC, flapping"; null for a test. */
export function incidentLine({ incident }: Pick<IncidentMessage, 'incident'>): string | null {
  if (incident === null) return null;
  const { number, openedAt, resolvedAt, isFlapping } = incident;
  const lasted =
    resolvedAt === null
      ? `open since ${timeInWords(openedAt)}`
      : `${timeInWords(openedAt)} to ${timeInWords(resolvedAt)}, ${durationInWords(Date.parse(resolvedAt) - Date.parse(openedAt))}`;
  return `Incident #${number}, ${lasted}${isFlapping ? ', flapping' : ''}`;
}

/** "+4 more"; null when all alerts are listed. */
export function moreLine(message: Pick<IncidentMessage, 'counts' | 'alerts'>): string | null {
  const more = moreAlerts(message);
  return more === 0 ? null : `+${more} more`;
}

/** The whole message as plain text, some lines an alert. */
export function plainText(message: IncidentMessage, isPossibleDuplicate: boolean): string {
  const alerts = message.alerts.flatMap((alert) => [
    `${alertState(alert)}: ${alertText(alert)}`,
    `  since ${timeInWords(alert.triggeredAt)}${alert.temporalUrl === null ? '' : `, ${alert.temporalUrl}`}`,
  ]);
  const paragraphs: readonly (readonly (string | null)[])[] = [
    [titleLine(message)],
    [...alerts, moreLine(message)],
    [incidentLine(message)],
    [isPossibleDuplicate ? REPEAT_NOTICE : null],
  ];
  return paragraphs
    .map((lines) => lines.filter((line) => line !== null).join('\n'))
    .filter((paragraph) => paragraph !== '')
    .join('\n\n');
}

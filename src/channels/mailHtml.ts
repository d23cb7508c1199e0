import type { IncidentMessage, ToldAlert } from '../domain/incidentMessage.ts';
import { alertColour, messageColour } from './colour.ts';
import { oneLine } from './excerpt.ts';
import { alertState, alertText, incidentLine, label, moreLine, REPEAT_NOTICE, timeInWords } from './words.ts';

/**
 * The mail as HTML: a table, styles in place, no background and no colour of text, which are then those of the reader,
 * light or dark.
 */
export function mailHtml(message: IncidentMessage, isPossibleDuplicate: boolean): string {
  const title = row(
    messageColour(message),
    `<strong>${label(message)}</strong><br><span style="font-size:20px">${escapeHtml(oneLine(message.headline))}</span>`,
  );
  const about = [moreLine(message), incidentLine(message), isPossibleDuplicate ? REPEAT_NOTICE : null]
    .filter((line) => line !== null)
    .map((line) => `<p style="margin:8px 0;font-size:14px">${escapeHtml(line)}</p>`);
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">',
    '</head><body style="margin:0;padding:12px;font-family:system-ui,-apple-system,Segoe UI,Arial,sans-serif;font-size:16px;line-height:1.4">',
    '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:640px;border-collapse:separate;border-spacing:0 8px">',
    title,
    ...message.alerts.map((alert) => row(alertColour(alert), alertCell(alert))),
    '</table>',
    ...about,
    '</body></html>',
    '',
  ].join('\n');
}

function row(colour: string, content: string): string {
  return `<tr><td style="border-left:6px solid ${colour};padding:4px 12px;word-break:break-word">${content}</td></tr>`;
}

function alertCell(alert: ToldAlert): string {
  const { triggeredAt, temporalUrl } = alert;
  const link = temporalUrl === null ? '' : ` · <a href="${escapeHtml(temporalUrl)}">run in Temporal</a>`;
  return `<strong>${alertState(alert)}</strong> ${escapeHtml(alertText(alert))}<br><span style="font-size:13px">since ${timeInWords(triggeredAt)}${link}</span>`;
}

/** For text and for values of attributes in double quotes. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/**
 * At most `max` UTF-16 units, the last of them an ellipsis where something is missing; no half characters, which neither
 * Postgres nor a provider would take.
 */
export function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  return `${text.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

const MINUTE_SECONDS = 60;
const HOUR_SECONDS = 60 * MINUTE_SECONDS;
const DAY_SECONDS = 24 * HOUR_SECONDS;

/** An age in its largest whole unit: "12 s", "5 min", "3 h", "2 d". */
export function describeAge(seconds: number): string {
  if (seconds >= DAY_SECONDS) return `${Math.floor(seconds / DAY_SECONDS)} d`;
  if (seconds >= HOUR_SECONDS) return `${Math.floor(seconds / HOUR_SECONDS)} h`;
  if (seconds >= MINUTE_SECONDS) return `${Math.floor(seconds / MINUTE_SECONDS)} min`;
  return `${Math.max(0, Math.floor(seconds))} s`;
}

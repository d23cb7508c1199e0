/** Minutes after which a bench is given up: a start, a ramp on a slow machine, and what a bench does anyway. */
export function allowedMinutes(targets: number, intervalSeconds: number): number {
  return 15 + Math.ceil((targets * 0.4 + intervalSeconds * 10) / 60);
}

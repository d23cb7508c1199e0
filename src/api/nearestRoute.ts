const MAX_COMPARED_LENGTH = 100;

/**
 * The route whose path looks most like the one that was asked for; parameters in braces match anything, and a
 * prefix that was left out is no difference.
 */
export function nearestRoute(path: string, prefix: string, routes: readonly string[]): string {
  const asked = segmentsOf(path.slice(0, 300));
  const prefixed = [...segmentsOf(prefix), ...asked];
  const distances = routes.map((route) => {
    const segments = segmentsOf(route);
    return [Math.min(distance(asked, segments), distance(prefixed, segments)), route] as const;
  });
  const [best] = distances.sort(([a], [b]) => a - b);
  return best?.[1] ?? '/docs';
}

function segmentsOf(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '');
}

function distance(asked: readonly string[], route: readonly string[]): number {
  const places = Math.max(asked.length, route.length);
  let sum = 0;
  for (let place = 0; place < places; place += 1) {
    const [a, b] = [asked[place], route[place]];
    if (a === undefined || b === undefined) sum += (a ?? b ?? '').length;
    else if (!b.startsWith('{')) sum += levenshtein(a.toLowerCase(), b);
    else sum += 0.5; // An exact word is a better guess than a parameter.
  }
  return sum;
}

function levenshtein(left: string, right: string): number {
  const a = left.slice(0, MAX_COMPARED_LENGTH);
  const b = right.slice(0, MAX_COMPARED_LENGTH);
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(substitution, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

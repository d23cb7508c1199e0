/** The value of a series; undefined where there is none with exactly these labels. */
export type ReadMetrics = (name: string, labels?: Readonly<Record<string, string>>) => number | undefined;

/** Reads Prometheus' text format, as far as it is used here. */
export function readMetrics(text: string): ReadMetrics {
  const series = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, name, labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined) continue;
    const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', of = '']) => [key, of] as const);
    series.set(identity(name, pairs), Number(value));
  }
  return (name, labels = {}) => series.get(identity(name, Object.entries(labels)));
}

function identity(name: string, labels: readonly (readonly [string, string])[]): string {
  return JSON.stringify([name, [...labels].sort(([a], [b]) => a.localeCompare(b))]);
}

/** What a worker exports on this port of this machine. @throws while nobody listens */
export async function scrape(port: number): Promise<ReadMetrics> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  if (!response.ok) throw new Error(`GET /metrics: ${response.status}`);
  return readMetrics(await response.text());
}

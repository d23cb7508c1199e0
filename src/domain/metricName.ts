interface MetricName {
  /** What the metrics of this name have in common on all machines: "disk_used". */
  readonly base: string;
  /** Which one of several a machine has: "/var" of "disk_used[/var]"; null for most. */
  readonly dimension: string | null;
}

/** Reads the name of a metric as it is sent. */
export function parseMetricName(name: string): MetricName {
  const [, base, dimension] = /^([^[\]]+)\[(.+)\]$/.exec(name) ?? [];
  return base === undefined || dimension === undefined
    ? { base: name, dimension: null }
    : { base, dimension };
}

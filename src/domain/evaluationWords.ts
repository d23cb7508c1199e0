/** How far an evaluation of all metrics has come. */
interface EvaluationProgress {
  readonly metrics: number;
  readonly clients: number;
  readonly breached: number;
  readonly recovered: number;
  readonly stale: number;
  /** Clients that could not be evaluated this time. */
  readonly failed: number;
  readonly tookMs: number;
  /** Of the metrics, known before they are looked at; null when it is over. */
  readonly of: number | null;
}

/**
 * In words for ops: "100,000 metrics of 12 clients in 1.4 s: 3 breached, 1 recovered, 2 stale", and while it runs
 * "40,000 of 100,000 metrics in 0.6 s: 3 breached, …".
 */
export function describeEvaluation(progress: EvaluationProgress): string {
  const { metrics, clients, breached, recovered, stale, failed, tookMs, of } = progress;
  const seconds = (tookMs / 1_000).toFixed(1);
  const what =
    of === null
      ? `${counted(metrics, 'metric')} of ${counted(clients, 'client')}`
      : `${grouped(metrics)} of ${counted(of, 'metric')}`;
  const found = `${what} in ${seconds} s: ${breached} breached, ${recovered} recovered, ${stale} stale`;
  return failed === 0 ? found : `${found}; FAILED for ${counted(failed, 'client')} (see the worker's log)`;
}

function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** "100,000". */
function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** The lines between a failing check and its message at which a process may be made to die. */
export const FAULT_POINTS = [
  /** A failing check is not stored yet. */
  'check.beforeRow',
  /** The alert is written, its transaction is not committed. */
  'alert.beforeCommit',
  'alert.committed',
  /** A worker has taken the news, and has not told the workflow. */
  'news.beforeSignal',
  'news.signalled',
  /** Incident, message and ledger are written, not committed. */
  'plan.beforeCommit',
  'plan.committed',
  /** The ledger does not know of the attempt yet. */
  'delivery.beforeBegin',
  'delivery.beforeSend',
  /** The message is sent; the ledger does not know. */
  'delivery.sent',
  'delivery.recorded',
] as const;
export type FaultPoint = (typeof FAULT_POINTS)[number];

/** Called where a process may die; does nothing in production. */
export type ReachFaultPoint = (point: FaultPoint) => void;

export const NO_FAULTS: ReachFaultPoint = () => undefined;

/**
 * Kills this process at a point, as a failing machine would: no handler runs, nothing is said to anybody.
 *
 * @param chosen null for none, as everywhere but in tests
 */
export function createFaultPoints(chosen: FaultPoint | null): ReachFaultPoint {
  if (chosen === null) return NO_FAULTS;
  return (point) => {
    if (point !== chosen) return;
    process.kill(process.pid, 'SIGKILL');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  };
}

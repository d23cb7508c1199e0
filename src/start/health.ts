import { z } from 'zod';
import { StartError } from './startError.ts';
import { waitFor } from './waitFor.ts';

const HEALTHY_WITHIN_MS = 90_000;

const Dependency = z.object({ state: z.enum(['up', 'down']) });
const Readiness = z.object({ postgres: Dependency, temporal: Dependency, worker: Dependency });

interface HealthOptions {
  readonly port: number;
  /** Told once of each thing that is being waited for. */
  readonly note: (message: string) => void;
  readonly logs: string;
  readonly signal: AbortSignal;
}

/**
 * Waits until the API serves and reports everything behind it as ready.
 *
 * @throws StartError after 90 s, saying what is missing.
 */
export async function waitUntilHealthy({ port, note, logs, signal }: HealthOptions): Promise<void> {
  let missing = '';
  const look = async (): Promise<boolean> => {
    const now = await whatIsMissing(port);
    if (now !== null && now !== missing && missing !== '') note(`waiting for ${now}`);
    missing = now ?? '';
    return now === null;
  };
  if ((await waitFor(look, { withinMs: HEALTHY_WITHIN_MS, everyMs: 200, signal })) === true) return;
  throw new StartError(
    `Not healthy within ${HEALTHY_WITHIN_MS / 1000} s, waiting for ${missing}: see the logs in ${logs}.`,
  );
}

/** In words, or null when everything is up. */
async function whatIsMissing(port: number): Promise<string | null> {
  const base = `http://127.0.0.1:${port}/api/v1/health`;
  try {
    const health = await fetch(base, { signal: AbortSignal.timeout(2_000) });
    if (!health.ok) return 'the API';
    const ready = await fetch(`${base}/ready`, { signal: AbortSignal.timeout(5_000) });
    if (ready.ok) return null;
    const report = Readiness.safeParse(await ready.json());
    if (!report.success) return 'the API to be ready';
    const down = Object.entries(report.data).filter(([, { state }]) => state === 'down');
    return down.length === 0 ? 'the API to be ready' : down.map(([name]) => name).join(', ');
  } catch {
    return 'the API (migrating the database, starting)';
  }
}

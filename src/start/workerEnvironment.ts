import { ConfigError, LAST_PORT, type Config } from '../config.ts';

/**
 * What the n-th worker of `make start` is told of itself: its name in logs and tables (`worker`, `worker-2` …), and a
 * port for its metrics, each one more than the last.
 *
 * @param index from 0
 * @throws ConfigError when there are not so many ports
 */
export function workerEnvironment(
  { workerName, workerMetrics }: Pick<Config, 'workerName' | 'workerMetrics'>,
  index: number,
): Record<string, string> {
  const name = { WORKER_NAME: index === 0 ? workerName : `${workerName}-${index + 1}` };
  if (workerMetrics === null) return name;
  const metricsPort = workerMetrics.port + index;
  if (metricsPort > LAST_PORT) {
    throw new ConfigError(
      `WORKER_METRICS_PORT is not usable: worker ${index + 1} would have port ${metricsPort}, and ${LAST_PORT} is the last.`,
    );
  }
  return { ...name, WORKER_METRICS_PORT: String(metricsPort) };
}

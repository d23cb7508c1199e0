import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../../src/config.ts';
import { workerEnvironment } from '../../../src/start/workerEnvironment.ts';

function configured(environment: Readonly<Record<string, string>> = {}) {
  const key = Buffer.alloc(32, 7).toString('base64');
  return loadConfig({ ENV_FILE: '/dev/null', DATA_DIR: '/nowhere', ENCRYPTION_KEY: key, ...environment });
}

describe('workers of make start', () => {
  it('should have places of their own', () => {
    const config = configured({ WORKER_NAME: 'eu' });
    expect([0, 1, 2].map((index) => workerEnvironment(config, index))).toEqual([
      { WORKER_NAME: 'eu' },
      { WORKER_NAME: 'eu-2' },
      { WORKER_NAME: 'eu-3' },
    ]);
  });

  it('should serve metrics on ports in a row', () => {
    const config = configured({ WORKER_METRICS_PORT: '9464' });
    expect(workerEnvironment(config, 0)).toMatchObject({ WORKER_METRICS_PORT: '9464' });
    expect(workerEnvironment(config, 2)).toMatchObject({ WORKER_METRICS_PORT: '9466' });
  });

  it('should not start with a port beyond the last', () => {
    const config = configured({ WORKER_METRICS_PORT: '65535' });
    expect(workerEnvironment(config, 0)).toMatchObject({ WORKER_METRICS_PORT: '65535' });
    expect(() => workerEnvironment(config, 1)).toThrow(
      'WORKER_METRICS_PORT is not usable: worker 2 would have port 65536, and 65535 is the last.',
    );
  });
});

describe('where a worker serves its metrics', () => {
  it('should be nowhere unless a port is set', () => {
    expect(configured().workerMetrics).toBeNull();
    expect(configured({ WORKER_METRICS_PORT: '', WORKER_METRICS_HOST: '0.0.0.0' }).workerMetrics).toBeNull();
  });

  it('should be this machine alone, unless a host is set', () => {
    const port = { WORKER_METRICS_PORT: '9464' };
    expect(configured(port).workerMetrics).toEqual({ host: '127.0.0.1', port: 9464 });
    expect(configured({ ...port, WORKER_METRICS_HOST: '0.0.0.0' }).workerMetrics).toEqual({
      host: '0.0.0.0',
      port: 9464,
    });
  });

  it.each(['0', '65536', '94.64', 'metrics'])('should not be %s', (port) => {
    expect(() => configured({ WORKER_METRICS_PORT: port })).toThrow(
      'WORKER_METRICS_PORT is not usable: should be a whole number from 1 to 65535.',
    );
  });
});

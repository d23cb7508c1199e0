import type { NativeConnectionOptions } from '@temporalio/worker';
import type { Config } from '../src/config.ts';
import { connectionOptions } from './client.ts';

/**
 * How a worker reaches the cluster. The SDK compresses every call by default: right for a cluster far away, a
 * sixth of the native side's CPU for nothing where server and worker share a machine or a network (no TLS).
 */
export function workerConnectionOptions(config: Config['temporal']): NativeConnectionOptions {
  const options = connectionOptions(config);
  return options.tls === undefined ? { ...options, grpcCompression: { codec: 'none' } } : options;
}

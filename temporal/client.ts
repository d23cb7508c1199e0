import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection, type TLSConfig } from '@temporalio/client';
import type { Config } from '../src/config.ts';

/** A call that is repeated by the SDK after its connection was closed would end the process. */
const CALLS_END_WITHIN_MS = 3_000;
/** Left alone, a client waits for up to two minutes before it tries a Temporal again that was away for long. */
const RECONNECT = { 'grpc.initial_reconnect_backoff_ms': 500, 'grpc.max_reconnect_backoff_ms': 2_000 };

/** A client that connects on first use, so that a Temporal that is away is met where it is asked. */
export interface TemporalConnection {
  readonly client: Client;
  /**
   * Runs calls that give up after `ms`.
   *
   * @throws what the SDK throws, or TemporalTimeoutError
   */
  within<T>(ms: number, calls: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Temporal did not answer in time: away, unreachable or wedged. */
export class TemporalTimeoutError extends Error {
  override readonly name = 'TemporalTimeoutError';
}

/** @throws ConfigError-like errors of the file system when a TLS file cannot be read */
export function connectTemporal(config: Config['temporal']): TemporalConnection {
  const connection = Connection.lazy({ ...connectionOptions(config), channelArgs: RECONNECT });
  const client = new Client({ connection, namespace: config.namespace });
  const calling = new Set<Promise<unknown>>();
  return {
    client,
    within: (ms, calls) =>
      giveUpAfter(ms, () => {
        const call = connection.withDeadline(Date.now() + ms, calls);
        calling.add(call);
        const ended = (): boolean => calling.delete(call);
        call.then(ended, ended);
        return call;
      }),
    close: async () => {
      await Promise.race([
        Promise.allSettled(calling),
        delay(CALLS_END_WITHIN_MS, undefined, { ref: false }),
      ]);
      await connection.close();
    },
  };
}

interface ClusterAddress {
  readonly address: string;
  readonly tls?: TLSConfig;
  readonly apiKey?: string;
}

/** What API, worker and scripts alike need to reach the cluster; TLS as soon as a key or a file is given. */
export function connectionOptions({ address, apiKey, tls }: Config['temporal']): ClusterAddress {
  const wantsTls = apiKey !== null || Object.keys(tls).length > 0;
  if (!wantsTls) return { address };
  const { caFile, certFile, keyFile } = tls;
  const clientCert =
    certFile !== undefined && keyFile !== undefined
      ? { clientCertPair: { crt: readFileSync(certFile), key: readFileSync(keyFile) } }
      : {};
  return {
    address,
    tls: {
      ...(caFile === undefined ? {} : { serverRootCACertificate: readFileSync(caFile) }),
      ...clientCert,
    },
    ...(apiKey === null ? {} : { apiKey }),
  };
}

/** The SDK's deadline starts with the call; a connection that cannot be made would wait longer. */
async function giveUpAfter<T>(ms: number, work: () => Promise<T>): Promise<T> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new TemporalTimeoutError(`Temporal did not answer within ${ms} ms.`)),
    ms + 100,
  );
  try {
    return await Promise.race([work(), tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

import { Client, Connection, type ConnectionOptions } from '@temporalio/client';
import pg from 'pg';
import { connectionOptions } from '../../temporal/client.ts';
import { SearchAttributesMissingError, requireSearchAttributes } from '../../temporal/searchAttributes.ts';
import type { Config } from '../config.ts';
import { StartError, messageOf, systemErrorCode } from './startError.ts';
import { waitFor } from './waitFor.ts';

/** Somebody else's server may itself be starting; longer than this nobody waits for a wrong address. */
const REACHABLE_WITHIN_MS = 5_000;
const ATTEMPT_MS = 2_500;

/** host:port of a Postgres URL. */
export function postgresAddress(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname}:${port === '' ? '5432' : port}`;
}

/**
 * Connects once to the Postgres of DATABASE_URL.
 *
 * @throws StartError within some 10 s when it cannot be reached or does not let us in.
 */
export async function requirePostgres({ url }: Config['database'], signal: AbortSignal): Promise<void> {
  const where = postgresAddress(url);
  await whenReachable(signal, 'Postgres', where, 'DATABASE_URL', async () => {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: ATTEMPT_MS });
    client.on('error', () => undefined);
    try {
      await client.connect();
    } catch (error) {
      switch (systemErrorCode(error)) {
        case '28P01':
        case '28000':
          throw new StartError(
            `Postgres at ${where} refuses the user or password in DATABASE_URL: correct them.`,
          );
        case '3D000':
          throw new StartError(
            `Postgres at ${where} has no such database as DATABASE_URL names: create it, or correct the name.`,
          );
        default:
          throw error;
      }
    } finally {
      await client.end().catch(() => undefined);
    }
  });
}

/**
 * Asks the Temporal of TEMPORAL_ADDRESS for its search attributes.
 *
 * @throws StartError within some 10 s when it cannot be reached or is not prepared for us.
 */
export async function requireTemporal(temporal: Config['temporal'], signal: AbortSignal): Promise<void> {
  const { address, namespace } = temporal;
  // Without interceptors a call is tried once: a retry that outlives its connection would end the process.
  const options = { ...readableOptions(temporal), connectTimeout: ATTEMPT_MS, interceptors: [] };
  await whenReachable(signal, 'Temporal', address, 'TEMPORAL_ADDRESS', async () => {
    const connection = Connection.lazy(options);
    const client = new Client({ connection, namespace });
    try {
      await connection.withDeadline(Date.now() + ATTEMPT_MS, () =>
        requireSearchAttributes(client, namespace),
      );
    } catch (error) {
      if (error instanceof SearchAttributesMissingError) throw new StartError(error.message);
      if (isNotFound(error)) {
        throw new StartError(
          `Temporal at ${address} has no namespace "${namespace}": create it, or set TEMPORAL_NAMESPACE to one that exists.`,
        );
      }
      throw error;
    } finally {
      await connection.close();
    }
  });
}

async function whenReachable(
  signal: AbortSignal,
  what: string,
  where: string,
  variable: string,
  connect: () => Promise<void>,
): Promise<void> {
  let last: unknown;
  const attempt = async (): Promise<boolean> => {
    try {
      await connect();
      return true;
    } catch (error) {
      if (error instanceof StartError) throw error;
      last = error;
      return false;
    }
  };
  if ((await waitFor(attempt, { withinMs: REACHABLE_WITHIN_MS, everyMs: 500, signal })) === true) return;
  throw new StartError(
    `${what} at ${where} cannot be reached (${systemErrorCode(last) ?? messageOf(last)}): start it, or correct ${variable}.`,
  );
}

function readableOptions(temporal: Config['temporal']): ConnectionOptions {
  try {
    return connectionOptions(temporal);
  } catch (error) {
    throw new StartError(
      `A TLS file for Temporal cannot be read (${messageOf(error)}): correct its variable.`,
    );
  }
}

/** gRPC's NOT_FOUND. */
function isNotFound(error: unknown): boolean {
  return typeof error === 'object' && error !== null && Reflect.get(error, 'code') === 5;
}

import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** Environment variable that tells the test files of a jest run where its Postgres is. */
export const TEST_POSTGRES_URL = 'TEST_POSTGRES_URL';
/** Migrated by the setup, and never connected to afterwards. */
const TEMPLATE_DATABASE = 'monitoring';
/** Any number: only one session at a time may copy the template. */
const COPY_LOCK = 4_711;

export interface TestDatabase {
  readonly url: string;
  readonly drop: () => Promise<void>;
}

/** A fresh, migrated database on the server of this jest run. */
export function createTestDatabase(): Promise<TestDatabase> {
  return createDatabase(TEMPLATE_DATABASE);
}

/** A database in which there is nothing yet. */
export function createEmptyDatabase(): Promise<TestDatabase> {
  return createDatabase('template0');
}

async function createDatabase(template: string): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await administer(`create database ${name} template ${template}`);
  const url = new URL(serverUrl());
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => administer(`drop database if exists ${name} with (force)`) };
}

async function administer(statement: string): Promise<void> {
  const url = new URL(serverUrl());
  url.pathname = '/postgres';
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  try {
    await client.query(`select pg_advisory_lock(${COPY_LOCK})`);
    await client.query(statement);
  } finally {
    await client.end();
  }
}

function serverUrl(): string {
  const url = process.env[TEST_POSTGRES_URL];
  if (url === undefined) throw new Error('Run this test through jest: its globalSetup starts Postgres.');
  return url;
}

import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import type { Stack } from '../tests/support/stack.ts';

/** Targets of a farm, by the API, ten at once. */
export async function createTargets(
  stack: Stack,
  farmUrl: string,
  targets: number,
  intervalSeconds: number,
): Promise<void> {
  const post = async (index: number): Promise<void> => {
    const response = await fetch(`${stack.apiUrl}/http-targets`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': stack.apiKey() },
      body: JSON.stringify({
        name: `target ${index}`,
        url: `${farmUrl}/${index}`,
        check_interval_seconds: intervalSeconds,
        timeout_seconds: Math.min(5, intervalSeconds),
      }),
    });
    if (response.status !== 201)
      throw new Error(`POST answered ${response.status}: ${await response.text()}`);
  };
  for (let index = 0; index < targets; index += 10) {
    await Promise.all(Array.from({ length: Math.min(10, targets - index) }, (_, more) => post(index + more)));
  }
}

export async function waitUntilAllChecked(database: Client, targets: number): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    const { rows } = await database.query<{ count: number }>(
      'select count(*)::int as count from http_target_states where last_check_at is not null',
    );
    if (rows[0]?.count === targets) return;
    await delay(200);
  }
  throw new Error('not all targets were checked within 2 min');
}

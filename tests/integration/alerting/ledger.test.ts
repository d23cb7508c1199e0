import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import {
  NotificationLedger,
  type BegunAttempt,
  type EndedAttempt,
} from '../../../src/db/repositories/alerting/ledger.ts';
import { AlertedClient, MINUTE, SECOND } from '../../support/alertedClient.ts';

const SENT: EndedAttempt = { status: 'success', error: null, answer: 'HTTP 200', nextAttemptAt: null };

let client: AlertedClient;
let ledger: NotificationLedger;
let id: string;
let channelId: string;
let now: number;
beforeEach(async () => {
  client = await AlertedClient.open({ alertGroupingEnabled: false });
  ledger = new NotificationLedger(client.em());
  await client.turn('down', await client.create({ name: 'shop' }));
  await client.plan();
  const { rows } = await sql<{
    id: string;
    channel_id: string;
  }>`select id, channel_id from notifications`.execute(client.kysely());
  [id, channelId] = [rows[0]?.id ?? '', rows[0]?.channel_id ?? ''];
  now = client.now;
});
afterEach(() => client.close());

const failedUntil = (nextAttemptAt: number): EndedAttempt => ({
  ...{ status: 'pending', error: 'https://hooks.example answered 503', answer: 'HTTP 503', nextAttemptAt },
});

async function begun(token: string, at = now): Promise<BegunAttempt> {
  const start = await ledger.begin(id, token, at);
  if (start.kind !== 'begun') throw new Error(`the attempt is ${start.kind}`);
  return start;
}

async function row(): Promise<unknown> {
  const { rows } = await sql`
    select status, attempts, error_message, is_possible_duplicate, sent_at is not null as is_sent from notifications
  `.execute(client.kysely());
  return rows[0];
}

const told = async () => (await client.timeline()).filter((text) => /tell|Told/.test(text));

describe('an attempt', () => {
  it('is written before and after, and stands in the timeline when it was sent', async () => {
    const attempt = await begun('a');
    expect(attempt).toMatchObject({ attempt: 1, isPossibleDuplicate: false, message: { kind: 'opened' } });
    expect(await row()).toMatchObject({ status: 'pending', attempts: 1, is_sent: false });
    await ledger.end(attempt, SENT, now);
    await ledger.end(attempt, SENT, now);
    expect(await row()).toMatchObject({ status: 'success', is_sent: true, is_possible_duplicate: false });
    expect(await told()).toEqual(['Told webhook hook (opened)']);
    expect(await ledger.begin(id, 'b', now)).toEqual({ kind: 'done', status: 'success' });
  });

  it('that failed is followed by another one when its time has come, which is no repeat', async () => {
    await ledger.end(await begun('a'), failedUntil(now + 5 * SECOND), now);
    expect(await row()).toMatchObject({ status: 'pending', error_message: expect.stringContaining('503') });
    expect(await ledger.begin(id, 'a', now + 4 * SECOND)).toEqual({ kind: 'busy', until: now + 5 * SECOND });
    expect(await begun('b', now + 5 * SECOND)).toMatchObject({ attempt: 2, isPossibleDuplicate: false });
    expect(await told()).toEqual([]);
  });

  it('is one at a time, of several that begin at once', async () => {
    const starts = await Promise.all(['a', 'b', 'c', 'd'].map((token) => ledger.begin(id, token, now)));
    expect(starts.map(({ kind }) => kind).sort()).toEqual(['begun', 'busy', 'busy', 'busy']);
  });

  it('of a worker that died is repeated by the same one at once, by another one after a minute, and marked', async () => {
    await begun('a');
    expect(await begun('a')).toMatchObject({ attempt: 2, isPossibleDuplicate: true });
    expect(await ledger.begin(id, 'b', now + MINUTE - 1)).toEqual({ kind: 'busy', until: now + MINUTE });
    expect(await begun('b', now + MINUTE + 1)).toMatchObject({ attempt: 3, isPossibleDuplicate: true });
    expect(await row()).toMatchObject({ is_possible_duplicate: true });
  });

  it('that was overtaken counts when it was sent, and not when it failed', async () => {
    const [first, second] = [await begun('a'), await begun('a')];
    await ledger.end(first, failedUntil(now + SECOND), now);
    expect(await row()).toMatchObject({ status: 'pending', error_message: null });
    await ledger.end(first, SENT, now);
    expect(await row()).toMatchObject({ status: 'success' });
    await ledger.end(second, { ...SENT, status: 'failed', error: 'https://hooks.example answered 400' }, now);
    expect(await row()).toMatchObject({ status: 'success', error_message: null });
    expect(await told()).toHaveLength(1);
  });

  it('that is refused ends it, and says why in the timeline', async () => {
    const refused = { ...SENT, status: 'failed', error: 'https://hooks.example answered 404' } as const;
    await ledger.end(await begun('a'), refused, now);
    expect(await row()).toMatchObject({ status: 'failed', is_sent: false });
    expect(await told()).toEqual([
      'Could not tell webhook hook (opened): https://hooks.example answered 404',
    ]);
  });

  it('goes nowhere when its channel was deleted', async () => {
    await client.channels().delete(channelId);
    expect(await begun('a')).toMatchObject({ target: { kind: 'gone' } });
  });
});

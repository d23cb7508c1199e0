import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import { deliver, type DeliveryDeps } from '../../../src/activities/alerting/deliverNotification.ts';
import type { SendOutcome } from '../../../src/channels/channel.ts';
import { SecretUnreadableError } from '../../../src/db/encryption.ts';
import type { AttemptStart, EndedAttempt } from '../../../src/db/repositories/alerting/ledger.ts';
import { NO_FAULTS } from '../../../src/faultPoints.ts';
import { buildMessage, NOTIFICATION_ID, NOW } from '../../support/buildDelivery.ts';

const DAY = 86_400_000;

let ended: EndedAttempt[];
let faults: unknown[];
let start: AttemptStart;
beforeEach(() => {
  [ended, faults] = [[], []];
  start = {
    ...{
      kind: 'begun',
      notificationId: NOTIFICATION_ID,
      clientId: 'client',
      attempt: 3,
      isPossibleDuplicate: false,
    },
    ...{ message: buildMessage(), giveUpAt: NOW + DAY },
    target: { kind: 'channel', channelId: 'channel', type: 'webhook', sealed: Buffer.alloc(1) },
  };
});

function attempt(
  send: DeliveryDeps['send'],
  overrides: Partial<DeliveryDeps> = {},
): ReturnType<typeof deliver> {
  const deps: DeliveryDeps = {
    ledger: {
      begin: () => Promise.resolve(start),
      end: (_, end) => {
        ended.push(end);
        return Promise.resolve();
      },
    },
    ...{ send, clock: { now: () => NOW }, reach: NO_FAULTS, onAttempt: () => undefined },
    onFault: (error) => faults.push(error),
    ...overrides,
  };
  return deliver(deps, NOTIFICATION_ID, 'token', new AbortController().signal);
}

const answering = (outcome: SendOutcome) => () => Promise.resolve(outcome);

async function retryDelayOf(delivered: Promise<unknown>): Promise<unknown> {
  const error: unknown = await delivered.catch((reason: unknown) => reason);
  return error instanceof ApplicationFailure ? error.nextRetryDelay : error;
}

describe('#deliverNotification', () => {
  it('notes a message that was sent, and is done', async () => {
    expect(await attempt(answering({ kind: 'sent', answer: 'HTTP 200' }))).toEqual({ status: 'success' });
    expect(ended).toEqual([{ status: 'success', error: null, answer: 'HTTP 200', nextAttemptAt: null }]);
  });

  it('comes again when the channel may be back, as late as the provider asks for', async () => {
    const failed = { kind: 'failed', error: 'it answered 429', answer: null } as const;
    expect(await retryDelayOf(attempt(answering({ ...failed, retryAfterMs: null })))).toBe(20_000);
    expect(await retryDelayOf(attempt(answering({ ...failed, retryAfterMs: 3_600_000 })))).toBe(3_600_000);
    expect(ended.map(({ status, nextAttemptAt }) => [status, (nextAttemptAt ?? 0) - NOW])).toEqual([
      ['pending', 20_000],
      ['pending', 3_600_000],
    ]);
  });

  it('gives up when it would come again too late', async () => {
    const failed = { kind: 'failed', error: 'it answered 503', answer: null, retryAfterMs: DAY + 1 } as const;
    expect(await attempt(answering(failed))).toEqual({ status: 'failed' });
    expect(ended).toMatchObject([{ status: 'failed', error: 'Given up after 3 attempts: it answered 503' }]);
  });

  it('ends with a refusal, and with a channel that is gone', async () => {
    const refused = await attempt(
      answering({ kind: 'refused', error: 'it answered 404', answer: 'HTTP 404' }),
    );
    const error = 'The channel was deleted';
    const skipped = await attempt(answering({ kind: 'skipped', status: 'skipped_channel_deleted', error }));
    expect([refused, skipped]).toEqual([{ status: 'failed' }, { status: 'skipped_channel_deleted' }]);
  });

  it('says what is our own fault, without what may be secret, and comes again', async () => {
    const lost = () => Promise.reject(new SecretUnreadableError('sealed with another key'));
    const broken = () => Promise.reject(new Error('https://hooks.example/secret'));
    expect(await retryDelayOf(attempt(lost))).toBe(20_000);
    expect(await retryDelayOf(attempt(broken))).toBe(20_000);
    expect(ended.map(({ error }) => error)).toEqual([
      expect.stringContaining('ENCRYPTION_KEY'),
      'The monitoring server failed before it sent anything: its log says why',
    ]);
    expect(faults).toHaveLength(2);
  });

  it('sends nothing that is done, or is on its way elsewhere', async () => {
    const send = jest.fn<DeliveryDeps['send']>();
    start = { kind: 'done', status: 'success' };
    expect(await attempt(send)).toEqual({ status: 'success' });
    start = { kind: 'busy', until: NOW + 7_000 };
    expect(await retryDelayOf(attempt(send))).toBe(7_000);
    expect(send).not.toHaveBeenCalled();
  });

  it('sends once, however often the ledger has to be asked to note it', async () => {
    const send = jest.fn(answering({ kind: 'sent', answer: 'HTTP 200' }));
    let failures = 1;
    const end = () => {
      failures -= 1;
      return failures < 0 ? Promise.resolve() : Promise.reject(new Error('Postgres is away'));
    };
    const ledger = { begin: () => Promise.resolve(start), end };
    expect(await attempt(send, { ledger })).toEqual({ status: 'success' });
    expect(send).toHaveBeenCalledTimes(1);
    expect(faults).toHaveLength(1);
  });
});

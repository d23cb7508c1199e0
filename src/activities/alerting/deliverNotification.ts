import { activityInfo, cancellationSignal } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { Delivery, SendOutcome } from '../../channels/channel.ts';
import { SecretUnreadableError } from '../../db/encryption.ts';
import type {
  BegunAttempt,
  DeliveryTarget,
  EndedAttempt,
  NotificationLedger,
} from '../../db/repositories/alerting/ledger.ts';
import type { Clock } from '../../domain/clock.ts';
import { deliveryBackoffMs } from '../../domain/deliveryBackoff.ts';
import type { ReachFaultPoint } from '../../faultPoints.ts';
import { sleepUnless } from '../../net/abortable.ts';
import { beating, PROMPT_HEARTBEAT_MS } from '../beating.ts';
import type { Delivered, DeliveryActivities } from './contracts.ts';

/**
 * Sends a message to where it goes; throws nothing for what a provider does.
 *
 * @throws SecretUnreadableError
 */
export type SendToTarget = (
  delivery: Delivery,
  target: DeliveryTarget,
  clientId: string,
) => Promise<SendOutcome>;

export interface DeliveryDeps {
  readonly ledger: Pick<NotificationLedger, 'begin' | 'end'>;
  readonly send: SendToTarget;
  readonly clock: Clock;
  readonly reach: ReachFaultPoint;
  /** Told of each attempt: the type of the channel, and what came of it. */
  readonly onAttempt: (channel: string, result: SendOutcome['kind']) => void;
  /** Told of faults of ours: the ledger does not take what has happened, or nothing could be sent. */
  readonly onFault: (error: unknown, notificationId: string) => void;
}

/** A message that was sent must not be sent again only because the ledger is away for a moment. */
const NOTE_AGAIN_MS = 1_000;

/** What runs on the task queue of deliveries. */
export function createDeliveryActivities(deps: DeliveryDeps): DeliveryActivities {
  return {
    deliverNotification: (notificationId) => {
      const { workflowExecution, activityId } = activityInfo();
      // The same in every attempt of this activity, and in none of another.
      const token = `${workflowExecution?.runId ?? ''}/${activityId}`;
      return beating(() => deliver(deps, notificationId, token, cancellationSignal()), PROMPT_HEARTBEAT_MS);
    },
  };
}

/**
 * One attempt at a message, with the ledger written before and after it.
 *
 * @throws ApplicationFailure that says when to try again
 */
export async function deliver(
  deps: DeliveryDeps,
  notificationId: string,
  token: string,
  signal: AbortSignal,
): Promise<Delivered> {
  const { ledger, clock, reach } = deps;
  reach('delivery.beforeBegin');
  const start = await ledger.begin(notificationId, token, clock.now());
  if (start.kind === 'done') return { status: start.status };
  if (start.kind === 'busy') {
    throw notDelivered('It is not time yet for another attempt', Math.max(100, start.until - clock.now()));
  }
  const { attempt, isPossibleDuplicate, message, target, clientId } = start;
  reach('delivery.beforeSend');
  // Not with the signal: whoever stops in the middle does not know what was sent.
  const outcome = await sendOrSay(
    deps,
    { notificationId, message, attempt, isPossibleDuplicate },
    target,
    clientId,
  );
  reach('delivery.sent');
  deps.onAttempt(target.kind === 'gone' ? 'gone' : target.type, outcome.kind);
  const now = clock.now();
  const ended = endOf(start, outcome, now);
  await note(deps, start, ended, signal);
  reach('delivery.recorded');
  if (ended.status !== 'pending') return { status: ended.status };
  throw notDelivered(ended.error ?? 'It was not taken', (ended.nextAttemptAt ?? now) - now);
}

/** A fault of ours is an outcome as well: the ledger says so, and the message is given up like any other. */
async function sendOrSay(
  { send, onFault }: DeliveryDeps,
  delivery: Delivery,
  target: DeliveryTarget,
  clientId: string,
): Promise<SendOutcome> {
  try {
    return await send(delivery, target, clientId);
  } catch (error) {
    onFault(error, delivery.notificationId);
    const words =
      error instanceof SecretUnreadableError
        ? 'The configuration of the channel cannot be opened: it was sealed with another ENCRYPTION_KEY'
        : 'The monitoring server failed before it sent anything: its log says why';
    return { kind: 'failed', error: words, answer: null, retryAfterMs: null };
  }
}

/** What an attempt makes of a row of the ledger. */
function endOf({ attempt, giveUpAt }: BegunAttempt, outcome: SendOutcome, now: number): EndedAttempt {
  switch (outcome.kind) {
    case 'sent':
      return { status: 'success', error: null, answer: outcome.answer, nextAttemptAt: null };
    case 'refused':
      return { status: 'failed', error: outcome.error, answer: outcome.answer, nextAttemptAt: null };
    case 'skipped':
      return { status: outcome.status, error: outcome.error, answer: null, nextAttemptAt: null };
    case 'failed': {
      const nextAttemptAt = now + deliveryBackoffMs(attempt, outcome.retryAfterMs);
      const { error, answer } = outcome;
      if (nextAttemptAt <= giveUpAt) return { status: 'pending', error, answer, nextAttemptAt };
      return {
        status: 'failed',
        error: `Given up after ${attempt} attempts: ${error}`,
        answer,
        nextAttemptAt: null,
      };
    }
  }
}

/** Goes on until the ledger has taken it, or the worker stops. */
async function note(
  { ledger, clock, onFault }: DeliveryDeps,
  begun: BegunAttempt,
  ended: EndedAttempt,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    try {
      await ledger.end(begun, ended, clock.now());
      return;
    } catch (error) {
      onFault(error, begun.notificationId);
      if (!(await sleepUnless(signal, NOTE_AGAIN_MS))) throw error;
    }
  }
}

function notDelivered(message: string, nextInMs: number): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'NotDelivered',
    message,
    nextRetryDelay: Math.max(1, Math.ceil(nextInMs)),
  });
}

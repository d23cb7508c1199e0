import type { EntityManager } from '@mikro-orm/postgresql';
import { ChannelRepository } from '../../db/repositories/channels.ts';
import type { Caller } from '../../db/repositories/clients.ts';
import { NotificationRepository, type Notification } from '../../db/repositories/notifications.ts';
import { sleepUnless } from '../../net/abortable.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { notFound } from '../errors.ts';

const WAIT_MS = 10_000;
const LOOK_EVERY_MS = 200;

/**
 * Sends a test message through a channel, active or not, and waits for what becomes of it: 10 s at most, and no longer
 * than the server runs.
 *
 * @returns the row of the ledger, pending where nobody has sent it yet
 * @throws ApiError 404
 */
export async function testChannel({
  em,
  caller,
  id,
  deps,
}: {
  em: EntityManager;
  caller: Caller;
  id: string;
  deps: Pick<ApiDependencies, 'secrets' | 'clock' | 'stopping'>;
}): Promise<Notification> {
  const channel = await new ChannelRepository(em, caller, deps.secrets).find(id);
  if (channel === null) throw notFound('This channel');
  const notifications = new NotificationRepository(em, caller);
  const created = await notifications.createTest(channel, deps.clock.now());
  const waited = AbortSignal.timeout(WAIT_MS);
  const over = deps.stopping === undefined ? waited : AbortSignal.any([waited, deps.stopping]);
  for (;;) {
    const notification = await notifications.find(created);
    if (notification === null) throw notFound('This channel');
    if (notification.status !== 'pending') return notification;
    if (!(await sleepUnless(over, LOOK_EVERY_MS))) return notification;
  }
}

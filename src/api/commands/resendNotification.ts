import type { EntityManager } from '@mikro-orm/postgresql';
import type { Caller } from '../../db/repositories/clients.ts';
import { NotificationRepository, type Notification } from '../../db/repositories/notifications.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { conflict, notFound } from '../errors.ts';

/**
 * Begins again with a message that was sent, refused or given up: for another 24 hours.
 *
 * @returns the row of the ledger, pending
 * @throws ApiError 404; 409 while it is pending
 */
export async function resendNotification({
  em,
  caller,
  id,
  deps,
}: {
  em: EntityManager;
  caller: Caller;
  id: string;
  deps: Pick<ApiDependencies, 'clock'>;
}): Promise<Notification> {
  const resent = await new NotificationRepository(em, caller).resend(id, deps.clock.now());
  if (resent === null) throw notFound('This notification');
  if (!resent.isBegun) {
    throw conflict(
      'This notification is pending: it is on its way, or will be tried again at next_attempt_at.',
    );
  }
  return resent.notification;
}

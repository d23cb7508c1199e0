import type { EntityManager } from '@mikro-orm/postgresql';
import type { Alert } from '../../db/repositories/alertRow.ts';
import { AlertRepository, type Acknowledgement } from '../../db/repositories/alerts.ts';
import type { Caller } from '../../db/repositories/clients.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { conflict, notFound } from '../errors.ts';

/**
 * Somebody has seen an alert: reminders and the escalation chain stop, once nobody has to see another one of its
 * incident. The workflow of the client hears of it.
 *
 * @returns the alert as it is now
 * @throws ApiError 404; 409 when it is resolved
 */
export async function acknowledgeAlert({
  em,
  caller,
  id,
  acknowledgement,
  deps,
}: {
  em: EntityManager;
  caller: Caller;
  id: string;
  acknowledgement: Acknowledgement;
  deps: Pick<ApiDependencies, 'clock'>;
}): Promise<Alert> {
  const alert = await new AlertRepository(em, caller).acknowledge(id, acknowledgement, deps.clock.now());
  if (alert === null) throw notFound('This alert');
  if (alert.status === 'resolved') {
    throw conflict(
      `This alert is over since ${alert.resolvedAt?.toISOString() ?? 'a moment ago'}: there is nothing to acknowledge.`,
    );
  }
  return alert;
}

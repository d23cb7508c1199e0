import type { EntityManager } from '@mikro-orm/postgresql';
import { CheckNowRefusedError } from '../../../temporal/httpTargetWorkflows.ts';
import { SettingsRepository, type Caller } from '../../db/repositories/clients.ts';
import { HttpTargetRepository } from '../../db/repositories/httpTargets.ts';
import type { CheckNowAnswer } from '../../workflows/messages.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { notFound, targetPaused, unavailable, type ApiError } from '../errors.ts';

const RETRY_AFTER_SECONDS = 5;

/**
 * Lets the workflow of a target check it now.
 *
 * @param requestId the same request again gets the same answer
 * @throws ApiError 404; 409 when the target is paused; 503 when nobody checked it in time
 */
export async function checkTarget({
  em,
  caller,
  id,
  requestId,
  deps,
}: {
  em: EntityManager;
  caller: Caller;
  id: string;
  requestId: string;
  deps: Pick<ApiDependencies, 'secrets' | 'targetWorkflows'>;
}): Promise<CheckNowAnswer> {
  const target = await new HttpTargetRepository(em, caller, deps.secrets).find(id);
  if (target === null) throw notFound('This HTTP target');
  if (!target.isActive) throw targetPaused();
  const { consecutiveFailuresThreshold } = await new SettingsRepository(em, caller).get();
  try {
    const watched = { target, failureThreshold: consecutiveFailuresThreshold };
    return await deps.targetWorkflows.checkNow(watched, requestId);
  } catch (error) {
    throw error instanceof CheckNowRefusedError ? refusal(error) : error;
  }
}

function refusal({ reason, message }: CheckNowRefusedError): ApiError {
  switch (reason) {
    case 'paused':
      return targetPaused();
    case 'retired':
      return notFound('This HTTP target');
    case 'not_run':
    case 'no_worker':
    case 'temporal_unavailable':
      return unavailable(message, RETRY_AFTER_SECONDS);
  }
}

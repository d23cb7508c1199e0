import type { Logger } from 'pino';
import { SecretUnreadableError } from '../../db/encryption.ts';
import type { ApiMiddleware } from '../context.ts';
import { whyDatabaseIsAway } from '../databaseAway.ts';
import { ApiError, internal, unavailable } from '../errors.ts';
import { loggableError } from '../loggableError.ts';

const RETRY_AFTER_SECONDS = 5;

/** The one place where an error becomes an answer. What is not ours to show is logged and hidden. */
export function errorAnswers(logger: Logger): ApiMiddleware {
  return async (context, next) => {
    try {
      await next();
    } catch (error) {
      const answer = toApiError(error, context.state.requestId);
      if (answer.status >= 500) {
        logger.error(
          { request_id: context.state.requestId, error_id: answer.id, error: loggableError(error) },
          'request failed',
        );
      }
      context.status = answer.status;
      context.set(answer.headers);
      context.body = answer.answer;
    }
  };
}

function toApiError(error: unknown, requestId: string): ApiError {
  if (error instanceof ApiError) return error;
  const reason = whyDatabaseIsAway(error);
  if (reason !== null) return unavailable(reason, RETRY_AFTER_SECONDS);
  if (error instanceof SecretUnreadableError) return unavailable(error.message, RETRY_AFTER_SECONDS);
  return internal(requestId);
}

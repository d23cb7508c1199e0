import type { ApiMiddleware } from '../context.ts';
import { API_KEY_HEADER, missingKey, unknownKey } from '../errors.ts';
import type { FindCaller } from '../knownCallers.ts';

/** Finds out which client is calling. @throws ApiError 401 without an active key */
export function authenticate(findCaller: FindCaller): ApiMiddleware {
  return async (context, next) => {
    const key = context.get(API_KEY_HEADER);
    if (key === '') throw missingKey();
    context.state.caller = await findCaller(key);
    if (context.state.caller === null) throw unknownKey();
    await next();
  };
}

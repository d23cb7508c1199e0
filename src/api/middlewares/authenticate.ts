import type { MikroORM } from '@mikro-orm/postgresql';
import { findCallerByApiKey } from '../../db/repositories/clients.ts';
import type { ApiMiddleware } from '../context.ts';
import { API_KEY_HEADER, missingKey, unknownKey } from '../errors.ts';

/** Finds out which client is calling. @throws ApiError 401 without an active key */
export function authenticate(orm: MikroORM): ApiMiddleware {
  return async (context, next) => {
    const key = context.get(API_KEY_HEADER);
    if (key === '') throw missingKey();
    context.state.caller = await findCallerByApiKey(orm.em.fork(), key);
    if (context.state.caller === null) throw unknownKey();
    await next();
  };
}

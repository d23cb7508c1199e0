import { randomUUID } from 'node:crypto';
import type { ApiMiddleware } from '../context.ts';

const SANE_REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/** Gives every request an id, the caller's own where it sent a sane one, and says it in every answer. */
export const requestContext: ApiMiddleware = async (context, next) => {
  const given = context.get('X-Request-Id');
  context.state.requestId = SANE_REQUEST_ID.test(given) ? given : randomUUID();
  context.state.caller = null;
  context.state.route = null;
  context.set('X-Request-Id', context.state.requestId);
  await next();
};

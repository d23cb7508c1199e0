import type { Logger } from 'pino';
import type { ApiMiddleware } from '../context.ts';

const MAX_LOGGED_PATH = 200;

/**
 * One line a request. Headers, bodies and query values may hold secrets and are never written; health checks
 * that pass are worth a debug line only.
 */
export function requestLog(logger: Logger): ApiMiddleware {
  return async (context, next) => {
    const started = performance.now();
    await next();
    const level =
      context.status >= 500 ? 'error' : context.path.startsWith('/api/v1/health') ? 'debug' : 'info';
    logger[level](
      {
        request_id: context.state.requestId,
        method: context.method,
        path: context.path.slice(0, MAX_LOGGED_PATH),
        route: context.state.route,
        status: context.status,
        duration_ms: Math.round(performance.now() - started),
        client_id: context.state.caller?.clientId ?? null,
        remote_address: context.ip,
      },
      'request',
    );
  };
}

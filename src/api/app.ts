import Router from '@koa/router';
import Koa from 'koa';
import compress from 'koa-compress';
import helmet from 'koa-helmet';
import type { ApiState } from './context.ts';
import type { ApiDependencies } from './dependencies.ts';
import { DOCS_PATHS, mountDocs } from './docs/router.ts';
import { loggableError } from './loggableError.ts';
import { errorAnswers } from './middlewares/errors.ts';
import { requestContext } from './middlewares/requestContext.ts';
import { requestLog } from './middlewares/requestLog.ts';
import { trustedProxies } from './middlewares/trustedProxies.ts';
import { mountRoutes, unmatched } from './mountRoutes.ts';
import { API_PREFIX } from './route.ts';
import { apiRoutes } from './routes.ts';

/** Errors of clients that hung up before the answer was through. */
const HANGUPS = new Set(['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE']);

/** The API without a port: the entry point and the tests share it. */
export function createApp(deps: ApiDependencies): Koa<ApiState, object> {
  const { config, logger } = deps;
  const routes = apiRoutes(deps);
  const router = new Router<ApiState, object>({ sensitive: true });
  mountRoutes(router, routes, deps);
  mountDocs(router, routes);

  const app = new Koa<ApiState, object>({ proxy: true });
  app.on('error', (error: unknown) => {
    const told = loggableError(error);
    if (!HANGUPS.has(told.code ?? '')) logger.error({ error: told }, 'an answer could not be sent');
  });
  app.use(requestContext);
  app.use(trustedProxies(config.trustedProxies));
  app.use(requestLog(logger));
  app.use(securityHeaders());
  app.use(compress());
  app.use(errorAnswers(logger));
  app.use(unmatched(router, [...routes.map(({ path }) => `${API_PREFIX}${path}`), ...DOCS_PATHS]));
  app.use(router.routes());
  return app;
}

/** Everything from this origin; Swagger UI styles its elements inline and draws with data: images. */
function securityHeaders(): Koa.Middleware {
  return helmet({
    contentSecurityPolicy: {
      directives: {
        scriptSrc: ["'self'"],
        scriptSrcAttr: ["'none'"],
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:'],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        // Plain-HTTP installations would ask for everything over HTTPS.
        upgradeInsecureRequests: null,
      },
    },
    strictTransportSecurity: false,
  });
}

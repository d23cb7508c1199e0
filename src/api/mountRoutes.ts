import type Router from '@koa/router';
import { findCallerByApiKey } from '../db/repositories/clients.ts';
import type { ApiContext, ApiMiddleware, ApiState } from './context.ts';
import type { ApiDependencies } from './dependencies.ts';
import { methodNotAllowed, unknownRoute } from './errors.ts';
import { readJsonBody } from './jsonBody.ts';
import { rememberingCallers, type FindCaller } from './knownCallers.ts';
import { authenticate } from './middlewares/authenticate.ts';
import { rateLimit } from './middlewares/rateLimit.ts';
import { nearestRoute } from './nearestRoute.ts';
import { API_PREFIX, type Protection, type Route } from './route.ts';

type Deps = Pick<ApiDependencies, 'orm' | 'config'>;

/** Puts declared routes under /api/v1, each behind what its protection asks for. */
export function mountRoutes(
  router: Router<ApiState, object>,
  routes: readonly Route[],
  { orm, config }: Deps,
): void {
  const findCaller: FindCaller = (apiKey) => findCallerByApiKey(orm.em.fork(), apiKey);
  const guards: Readonly<Record<Protection, readonly ApiMiddleware[]>> = {
    public: [],
    key: [rateLimit(config.ingestRateLimitPerSecond), authenticate(rememberingCallers(findCaller))],
    key_or_cookie: [rateLimit(config.apiRateLimitPerSecond), authenticate(findCaller)],
  };
  for (const route of routes) {
    const path = `${API_PREFIX}${route.path.replace(/\{(\w+)\}/g, ':$1')}`;
    router.register(path, [route.method.toUpperCase()], [...guards[route.protection], answering(route, orm)]);
  }
}

function answering(route: Route, orm: Deps['orm']): ApiMiddleware {
  return async (context) => {
    context.state.route = route.path;
    const answer = await route.answer({
      params: (context as ApiContext & { params: unknown }).params,
      searchParams: new URLSearchParams(context.querystring),
      headers: context.req.headers,
      readBody: () => readJsonBody(context.req, route.bodyReading),
      caller: context.state.caller,
      em: orm.em.fork(),
      requestId: context.state.requestId,
    });
    context.status = answer.status;
    context.set({ 'Cache-Control': 'no-store', ...answer.headers });
    context.body = answer.body;
  };
}

/** Answers what no route took: 405 for a known path, OPTIONS included, else 404 with a guess. */
export function unmatched(router: Router<ApiState, object>, paths: readonly string[]): ApiMiddleware {
  return async (context, next) => {
    const { path: layers, route } = router.match(context.path, context.method);
    if (route) {
      await next();
      return;
    }
    if (layers.length === 0) throw unknownRoute(nearestRoute(context.path, API_PREFIX, paths));
    const allowed = [...new Set([...layers.flatMap((layer) => layer.methods), 'OPTIONS'])].sort();
    if (context.method !== 'OPTIONS') throw methodNotAllowed(allowed);
    context.status = 204;
    context.set('Allow', allowed.join(', '));
  };
}

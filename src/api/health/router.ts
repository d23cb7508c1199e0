import type { ApiDependencies } from '../dependencies.ts';
import { defineRoute, type Route } from '../route.ts';
import { isReady, presentReadiness } from './presenter.ts';
import { createReadinessCheck } from './readiness.ts';
import { Health, Readiness } from './schema.ts';

export function healthRoutes({ orm, readiness, clock }: ApiDependencies): Route[] {
  const checkReadiness = createReadinessCheck(orm, readiness, clock);

  return [
    defineRoute({
      method: 'get',
      path: '/health',
      tag: 'Health',
      summary: 'Whether the API runs',
      description: 'Asks nothing of Postgres or Temporal: for those see /health/ready.',
      protection: 'public',
      responses: { 200: { description: 'It does.', schema: Health, example: { status: 'ok' } } },
      handler: () => Promise.resolve({ status: 200, body: { status: 'ok' } } as const),
    }),
    defineRoute({
      method: 'get',
      path: '/health/ready',
      tag: 'Health',
      summary: 'Whether everything that the API needs answers',
      description: 'Each dependency is asked for at most 2 s; an answer may be half a second old.',
      protection: 'public',
      responses: {
        200: { description: 'All dependencies are up.', schema: Readiness },
        503: { description: 'At least one dependency is down.', schema: Readiness },
      },
      async handler() {
        const report = await checkReadiness();
        const body = presentReadiness(report);
        return isReady(report)
          ? { status: 200, body }
          : { status: 503, body, headers: { 'Retry-After': '5' } };
      },
    }),
  ];
}

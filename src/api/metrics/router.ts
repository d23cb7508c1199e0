import { MachineRepository } from '../../db/repositories/machines.ts';
import { MetricRepository } from '../../db/repositories/metrics.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { notFound } from '../errors.ts';
import { nextPageHeaders, PAGE_HEADERS, withValidCursor } from '../queryFields.ts';
import { API_PREFIX, defineRoute, type Route } from '../route.ts';
import { METRIC_EXAMPLE, METRIC_OF_MACHINE_EXAMPLE } from './examples.ts';
import { presentMetric, presentMetricOfMachine } from './presenter.ts';
import { MachineMetricListQuery, Metric, MetricListQuery, MetricPage, MetricsMachineId } from './schema.ts';

const COLLECTION = '/metrics';

/** The lists of metrics. */
export function metricRoutes({ clock }: ApiDependencies): Route[] {
  const common = { tag: 'Metrics', protection: 'key_or_cookie' } as const;

  return [
    defineRoute({
      ...common,
      method: 'get',
      path: COLLECTION,
      summary: 'Your metrics',
      description: 'Of all machines, in the order in which they came to be.',
      query: MetricListQuery,
      responses: {
        200: {
          description: 'A page of metrics.',
          schema: MetricPage,
          example: { items: [METRIC_OF_MACHINE_EXAMPLE], total: 1, next_cursor: null },
        },
      },
      async handler({ em, caller, query }) {
        const { limit, cursor, machine_id: machineId, status, ...rest } = query;
        const filter = { ...rest, machineId, state: status && LOWER_STATE[status] };
        const metrics = new MetricRepository(em, caller);
        const page = await withValidCursor(() => metrics.list(filter, { limit, cursor }));
        const baselines = await metrics.baselines(page.items, clock.now());
        return {
          status: 200,
          body: {
            items: page.items.map((metric) => presentMetricOfMachine(metric, baselines.get(metric.id))),
            total: await metrics.count(filter),
            next_cursor: page.nextCursor,
          },
        };
      },
    }),

    defineRoute({
      ...common,
      method: 'get',
      path: `${COLLECTION}/{machine_id}`,
      subject: 'This machine',
      summary: 'The metrics of one machine',
      params: MetricsMachineId,
      query: MachineMetricListQuery,
      responses: {
        200: {
          description: 'A page of its metrics.',
          schema: Metric.array(),
          example: [METRIC_EXAMPLE],
          headers: PAGE_HEADERS,
        },
      },
      async handler({ em, caller, params, query, searchParams }) {
        const { machine_id: machineId } = params;
        const isThere = await new MachineRepository(em, caller).exists(machineId);
        if (!isThere) throw notFound('This machine');
        const metrics = new MetricRepository(em, caller);
        const page = await withValidCursor(() => metrics.list({ machineId }, query));
        const baselines = await metrics.baselines(page.items, clock.now());
        return {
          status: 200,
          body: page.items.map((metric) => presentMetric(metric, baselines.get(metric.id))),
          headers: nextPageHeaders(`${API_PREFIX}${COLLECTION}/${machineId}`, searchParams, page.nextCursor),
        };
      },
    }),
  ];
}

const LOWER_STATE = { OK: 'ok', BREACHED: 'breached', STALE: 'stale' } as const;

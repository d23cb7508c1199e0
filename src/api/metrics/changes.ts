import type { z } from 'zod';
import { MetricRepository } from '../../db/repositories/metrics.ts';
import { setThreshold } from '../commands/setThreshold.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { notFound } from '../errors.ts';
import { defineRoute, type Route } from '../route.ts';
import { AlertingBody, ALERTING_EXAMPLES } from './alertingBody.ts';
import { METRIC_OF_MACHINE_EXAMPLE, THRESHOLD_EXAMPLE } from './examples.ts';
import { presentMetricChanged, presentThresholdSet } from './presenter.ts';
import { MetricChanged, MetricId, MetricPause, ThresholdSet } from './schema.ts';
import { THRESHOLD_EXAMPLES, ThresholdBody } from './thresholdBody.ts';
import { checkedThreshold } from './thresholdDefinition.ts';

const SUBJECT = 'This metric';

/** What people decide about a metric. Evaluation finds each change by itself. */
export function metricChangeRoutes({ clock }: ApiDependencies): Route[] {
  const common = { tag: 'Metrics', subject: SUBJECT, protection: 'key_or_cookie', params: MetricId } as const;
  const responses = {
    200: {
      description: 'The metric as it is now.',
      schema: MetricChanged,
      example: { success: true, metric: METRIC_OF_MACHINE_EXAMPLE },
    },
  };

  /** @throws ApiError 404 */
  async function present(metrics: MetricRepository, id: string): Promise<z.output<typeof MetricChanged>> {
    const metric = await metrics.find(id);
    if (metric === null) throw notFound(SUBJECT);
    const baselines = await metrics.baselines([metric], clock.now());
    return presentMetricChanged(metric, baselines.get(id));
  }

  return [
    defineRoute({
      ...common,
      method: 'post',
      path: '/metrics/{id}/thresholds/default',
      summary: 'Set the threshold of a metric',
      description:
        'Creates it, or changes what is sent and leaves the rest. It is active from then on, and judges anew from the newest sample on. `alert_enabled` is the switch of the metric, as PATCH /metrics/{id}/alerting sets it: a metric that does not alert is judged all the same, and nobody hears of it.',
      body: ThresholdBody,
      bodyExamples: THRESHOLD_EXAMPLES,
      responses: {
        200: {
          description: 'The metric and its threshold as they are now.',
          schema: ThresholdSet,
          example: {
            success: true,
            updated: false,
            metric: METRIC_OF_MACHINE_EXAMPLE,
            threshold: THRESHOLD_EXAMPLE,
          },
        },
      },
      async handler({ em, caller, params, body }) {
        const set = await setThreshold({ em, caller, id: params.id, change: checkedThreshold(body) });
        const baselines = await new MetricRepository(em, caller).baselines([set.metric], clock.now());
        return { status: 200, body: presentThresholdSet(set, baselines.get(set.metric.id)) };
      },
    }),

    defineRoute({
      ...common,
      method: 'patch',
      path: '/metrics/{id}/alerting',
      summary: 'Whether anybody hears of a metric',
      description: 'It is judged by its threshold all the same.',
      body: AlertingBody,
      bodyExamples: ALERTING_EXAMPLES,
      responses,
      async handler({ em, caller, params, body }) {
        const metrics = new MetricRepository(em, caller);
        await metrics.setAlertingEnabled(params.id, body.isEnabled);
        return { status: 200, body: await present(metrics, params.id) };
      },
    }),

    defineRoute({
      ...common,
      method: 'patch',
      path: '/metrics/{id}/pause',
      summary: 'Pause or resume a metric',
      description:
        'While it is paused it is not judged; its samples are stored all the same, and are not judged afterwards.',
      body: MetricPause,
      bodyExamples: { pause: { paused: true }, resume: { paused: false } },
      responses,
      async handler({ em, caller, params, body }) {
        const metrics = new MetricRepository(em, caller);
        await metrics.setPaused(params.id, body.paused);
        return { status: 200, body: await present(metrics, params.id) };
      },
    }),
  ];
}

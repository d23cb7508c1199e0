import { AlertRepository } from '../../db/repositories/alerts.ts';
import { acknowledgeAlert } from '../commands/acknowledgeAlert.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { notFound } from '../errors.ts';
import { OPTIONAL_BODY } from '../jsonBody.ts';
import { nextPageHeaders, PAGE_HEADERS, withValidCursor } from '../queryFields.ts';
import { API_PREFIX, defineRoute, type Route } from '../route.ts';
import { ACKNOWLEDGED_EXAMPLE, ALERT_EXAMPLE, RESOLVED_EXAMPLE } from './examples.ts';
import { presentAlert } from './presenter.ts';
import { acknowledgementBody, Alert, AlertId, AlertListQuery, ResolutionBody } from './schema.ts';

const SUBJECT = 'This alert';
const COLLECTION = '/alerts';
const ONE = `${COLLECTION}/{id}`;

/** What is wrong, each fault once. */
export function alertRoutes(deps: ApiDependencies): Route[] {
  const { clock, config } = deps;
  const common = { tag: 'Alerts', subject: SUBJECT, protection: 'key_or_cookie' } as const;

  return [
    defineRoute({
      ...common,
      method: 'get',
      path: COLLECTION,
      summary: 'Your alerts',
      description: 'The newest first. Open ones are those that are FIRING or ACKNOWLEDGED.',
      query: AlertListQuery,
      responses: {
        200: {
          description: 'A page of alerts.',
          schema: Alert.array(),
          example: [ALERT_EXAMPLE],
          headers: PAGE_HEADERS,
        },
      },
      async handler({ em, caller, query, searchParams }) {
        const {
          status,
          http_target_id: httpTargetId,
          machine_id: machineId,
          incident_id: incidentId,
          ...rest
        } = query;
        const filter = {
          ...rest,
          status: status && LOWER_STATUS[status],
          httpTargetId,
          machineId,
          incidentId,
        };
        const page = await withValidCursor(() => new AlertRepository(em, caller).list(filter));
        return {
          status: 200,
          body: page.items.map((alert) => presentAlert(alert, config.temporal)),
          headers: nextPageHeaders(`${API_PREFIX}${COLLECTION}`, searchParams, page.nextCursor),
        };
      },
    }),

    defineRoute({
      ...common,
      method: 'post',
      path: `${ONE}/acknowledge`,
      summary: 'Acknowledge an alert',
      description:
        'Somebody has seen it: reminders and the escalation chain stop. Said again in the same words it changes nothing; in others, those count from then on.',
      params: AlertId,
      body: acknowledgementBody(() => clock.now()),
      bodyReading: OPTIONAL_BODY,
      bodyExamples: {
        'for a day': { note: 'the shop is being moved', expires_at: tomorrow(clock.now()) },
        'until it is over': {},
      },
      responses: {
        200: { description: 'The alert as it is now.', schema: Alert, example: ACKNOWLEDGED_EXAMPLE },
      },
      errors: { 409: 'It is resolved.' },
      async handler({ em, caller, params, body }) {
        const acknowledgement = { note: body.note ?? null, expiresAt: body.expires_at ?? null };
        const alert = await acknowledgeAlert({ em, caller, id: params.id, acknowledgement, deps });
        return { status: 200, body: presentAlert(alert, config.temporal) };
      },
    }),

    defineRoute({
      ...common,
      method: 'post',
      path: `${ONE}/resolve`,
      summary: 'Resolve an alert by hand',
      description:
        'It stays resolved while the same fault lasts, and fires again when the fault has ended and comes back. Monitoring goes on. Again the same answer.',
      params: AlertId,
      body: ResolutionBody,
      bodyReading: OPTIONAL_BODY,
      bodyExamples: { 'with a reason': { note: 'known, will be taken down' }, 'without one': {} },
      responses: {
        200: { description: 'The alert as it is now.', schema: Alert, example: RESOLVED_EXAMPLE },
      },
      async handler({ em, caller, params, body }) {
        const alert = await new AlertRepository(em, caller).resolve(
          params.id,
          body.note ?? null,
          clock.now(),
        );
        if (alert === null) throw notFound(SUBJECT);
        return { status: 200, body: presentAlert(alert, config.temporal) };
      },
    }),
  ];
}

/** An example must be one that would be taken. */
function tomorrow(now: number): string {
  return new Date(now + 86_400_000).toISOString();
}

const LOWER_STATUS = { FIRING: 'firing', ACKNOWLEDGED: 'acknowledged', RESOLVED: 'resolved' } as const;

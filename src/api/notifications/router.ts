import { NotificationRepository } from '../../db/repositories/notifications.ts';
import { resendNotification } from '../commands/resendNotification.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { nextPageHeaders, PAGE_HEADERS, withValidCursor } from '../queryFields.ts';
import { API_PREFIX, defineRoute, type Route } from '../route.ts';
import { NOTIFICATION_EXAMPLE } from './examples.ts';
import { presentNotification } from './presenter.ts';
import { Notification, NotificationId, NotificationListQuery } from './schema.ts';

const COLLECTION = '/notifications';

/** The ledger of messages: what became of each, at each of its channels. */
export function notificationRoutes(deps: ApiDependencies): Route[] {
  const common = { tag: 'Notifications', protection: 'key_or_cookie' } as const;

  return [
    defineRoute({
      ...common,
      method: 'get',
      path: COLLECTION,
      summary: 'Your notifications',
      description: 'A row a message and channel, the newest first.',
      query: NotificationListQuery,
      responses: {
        200: {
          description: 'A page of notifications.',
          schema: Notification.array(),
          example: [NOTIFICATION_EXAMPLE],
          headers: PAGE_HEADERS,
        },
      },
      async handler({ em, caller, query, searchParams }) {
        const { incident_id: incidentId, ...filter } = query;
        const page = await withValidCursor(() =>
          new NotificationRepository(em, caller).list({ ...filter, incidentId }),
        );
        return {
          status: 200,
          body: page.items.map(presentNotification),
          headers: nextPageHeaders(`${API_PREFIX}${COLLECTION}`, searchParams, page.nextCursor),
        };
      },
    }),

    defineRoute({
      ...common,
      method: 'post',
      path: `${COLLECTION}/{id}/resend`,
      subject: 'This notification',
      summary: 'Send a notification again',
      description:
        'Begins again with one that was sent, refused or given up, and goes on for 24 hours. One that was sent before says that it may be a repeat.',
      params: NotificationId,
      responses: {
        202: {
          description: 'It is on its way.',
          schema: Notification,
          example: { ...NOTIFICATION_EXAMPLE, status: 'pending', is_possible_duplicate: true },
        },
      },
      errors: { 409: 'It is pending: attempts go on by themselves.' },
      async handler({ em, caller, params }) {
        const notification = await resendNotification({ em, caller, id: params.id, deps });
        return { status: 202, body: presentNotification(notification) };
      },
    }),
  ];
}

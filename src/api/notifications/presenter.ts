import type { z } from 'zod';
import type { Notification as StoredNotification } from '../../db/repositories/notifications.ts';
import type { Notification } from './schema.ts';

export function presentNotification(notification: StoredNotification): z.output<typeof Notification> {
  return {
    id: notification.id,
    client_id: notification.clientId,
    incident_id: notification.incidentId,
    alert_id: notification.alertId,
    channel_id: notification.channelId,
    provider: notification.provider,
    recipient: notification.recipient,
    event: notification.event,
    status: notification.status,
    severity: notification.severity,
    message: notification.text,
    error_message: notification.errorMessage,
    provider_answer: notification.providerAnswer,
    attempts: notification.attempts,
    is_possible_duplicate: notification.isPossibleDuplicate,
    created_at: notification.createdAt.toISOString(),
    sent_at: notification.sentAt?.toISOString() ?? null,
    next_attempt_at: notification.nextAttemptAt?.toISOString() ?? null,
  };
}

import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { NotificationsAtAGlance } from '../domain/notificationWords.ts';

/** What starts the workflow that tells the people of a client. */
export interface NotificationsInput {
  readonly clientId: string;
  readonly deliveryTaskQueue: string;
}

/** Something has happened to alerts, channels or settings of the client: Postgres says what. */
export const newsSignal = defineSignal('news');

export interface NotificationsView extends NotificationsAtAGlance {
  /** The same words as the current details. */
  readonly words: string;
  /** Messages on their way, those that wait for their next attempt included. */
  readonly inFlight: number;
}

export const notificationsQuery = defineQuery<NotificationsView>('status');

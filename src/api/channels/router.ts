import { ChannelRepository, MAX_CHANNELS } from '../../db/repositories/channels.ts';
import { createChannel } from '../commands/createChannel.ts';
import { testChannel } from '../commands/testChannel.ts';
import { updateChannel } from '../commands/updateChannel.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { notFound } from '../errors.ts';
import { NOTIFICATION_EXAMPLE } from '../notifications/examples.ts';
import { presentNotification } from '../notifications/presenter.ts';
import { Notification } from '../notifications/schema.ts';
import { withValidCursor } from '../queryFields.ts';
import { API_PREFIX, defineRoute, type Route } from '../route.ts';
import { changedChannel, newChannel } from './definition.ts';
import { CHANGE_EXAMPLES, CHANNEL_EXAMPLE, CREATE_EXAMPLES } from './examples.ts';
import { presentChannel } from './presenter.ts';
import {
  Channel,
  ChannelChange,
  ChannelId,
  ChannelListQuery,
  ChannelPage,
  ChannelRef,
  createChannelBody,
  DeletedChannel,
} from './schema.ts';

const SUBJECT = 'This channel';
const COLLECTION = '/channels';
const ONE = `${COLLECTION}/{id}`;
const NAME_TAKEN = 'Another channel of yours has this name; `existing_id` names it.';

export function channelRoutes(deps: ApiDependencies): Route[] {
  const { secrets, addressGuard } = deps;
  const common = { tag: 'Channels', subject: SUBJECT, protection: 'key_or_cookie' } as const;

  return [
    defineRoute({
      ...common,
      method: 'get',
      path: COLLECTION,
      summary: 'Your channels',
      description:
        'Where messages go, in the order in which the channels were created. What the settings name (notification_email, slack_webhook_url) is not among them.',
      query: ChannelListQuery,
      responses: {
        200: {
          description: 'A page of channels.',
          schema: ChannelPage,
          example: { items: [CHANNEL_EXAMPLE], next_cursor: null },
        },
      },
      async handler({ em, caller, query }) {
        const page = await withValidCursor(() => new ChannelRepository(em, caller, secrets).list(query));
        return { status: 200, body: { items: page.items.map(presentChannel), next_cursor: page.nextCursor } };
      },
    }),

    defineRoute({
      ...common,
      method: 'post',
      path: COLLECTION,
      summary: 'Create a channel',
      description: `It hears of alerts by severity and source: of all, where nothing is said. You may have ${MAX_CHANNELS} channels.`,
      body: createChannelBody(addressGuard),
      bodyExamples: CREATE_EXAMPLES,
      responses: {
        201: {
          description: 'Created.',
          schema: ChannelRef,
          example: { id: CHANNEL_EXAMPLE.id },
          headers: { Location: 'The path of the new channel.' },
        },
      },
      errors: { 409: `${NAME_TAKEN} Or you have ${MAX_CHANNELS} channels.` },
      async handler({ em, caller, body }) {
        const definition = newChannel(body, addressGuard);
        const id = await createChannel({ em, caller, type: body.type, definition, deps });
        return { status: 201, body: { id }, headers: { Location: `${API_PREFIX}${COLLECTION}/${id}` } };
      },
    }),

    defineRoute({
      ...common,
      method: 'get',
      path: ONE,
      summary: 'One channel',
      params: ChannelId,
      responses: {
        200: { description: 'The channel; secrets are masked.', schema: Channel, example: CHANNEL_EXAMPLE },
      },
      async handler({ em, caller, params }) {
        const channel = await new ChannelRepository(em, caller, secrets).find(params.id);
        if (channel === null) throw notFound(SUBJECT);
        return { status: 200, body: presentChannel(channel) };
      },
    }),

    defineRoute({
      ...common,
      method: 'put',
      path: ONE,
      summary: 'Change a channel',
      description:
        'Send what is to change. `config` is replaced as a whole; a masked value in it stays as it is. The type does not change.',
      params: ChannelId,
      body: ChannelChange,
      bodyExamples: CHANGE_EXAMPLES,
      responses: {
        200: { description: 'The channel as it is now.', schema: Channel, example: CHANNEL_EXAMPLE },
      },
      errors: { 409: NAME_TAKEN },
      async handler({ em, caller, params, body }) {
        const change = (current: Parameters<typeof changedChannel>[0]) =>
          changedChannel(current, body, addressGuard);
        const channel = await updateChannel({ em, caller, id: params.id, change, deps });
        return { status: 200, body: presentChannel(channel) };
      },
    }),

    defineRoute({
      ...common,
      method: 'delete',
      path: ONE,
      summary: 'Delete a channel',
      description: 'What waits to be sent through it is not sent any more, and its name is free.',
      params: ChannelId,
      responses: {
        200: { description: 'Deleted.', schema: DeletedChannel, example: { deleted: CHANNEL_EXAMPLE.id } },
      },
      async handler({ em, caller, params }) {
        const isDeleted = await new ChannelRepository(em, caller, secrets).delete(params.id);
        if (!isDeleted) throw notFound(SUBJECT);
        return { status: 200, body: { deleted: params.id } };
      },
    }),

    defineRoute({
      ...common,
      method: 'post',
      path: `${ONE}/test`,
      summary: 'Send a test message through a channel',
      description:
        'Waits up to 10 s for what becomes of it. A channel that is not active can be tested as well. The test is in GET /notifications like any other message.',
      params: ChannelId,
      responses: {
        200: {
          description: 'What became of it: sent, refused or skipped.',
          schema: Notification,
          example: { ...NOTIFICATION_EXAMPLE, ...TEST_EXAMPLE },
        },
        202: {
          description: 'Nobody has sent it yet; it is tried for 5 minutes.',
          schema: Notification,
          example: { ...NOTIFICATION_EXAMPLE, ...TEST_EXAMPLE, ...PENDING_EXAMPLE },
        },
      },
      async handler({ em, caller, params }) {
        const notification = await testChannel({ em, caller, id: params.id, deps });
        const status = notification.status === 'pending' ? 202 : 200;
        return { status, body: presentNotification(notification) };
      },
    }),
  ];
}

const TEST_EXAMPLE = {
  ...{ event: 'test', severity: 'info', incident_id: null, alert_id: null },
  ...{ channel_id: CHANNEL_EXAMPLE.id, message: 'Test message from the monitoring server' },
};
const PENDING_EXAMPLE = { status: 'pending', attempts: 0, sent_at: null, provider_answer: null };

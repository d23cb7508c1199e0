import { CheckHistory } from '../../db/repositories/checkHistory.ts';
import { HttpTargetRepository } from '../../db/repositories/httpTargets.ts';
import { checkTarget } from '../commands/checkTarget.ts';
import { createTarget } from '../commands/createTarget.ts';
import { deleteTarget } from '../commands/deleteTarget.ts';
import { updateTarget } from '../commands/updateTarget.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { notFound } from '../errors.ts';
import { nextPageHeaders, PAGE_HEADERS, withValidCursor } from '../queryFields.ts';
import { API_PREFIX, defineRoute, type Route } from '../route.ts';
import { checkedChange, newDefinition } from './definition.ts';
import { CHANGE_EXAMPLES, CHECK_EXAMPLE, CREATE_EXAMPLES, TARGET_EXAMPLE } from './examples.ts';
import { presentCheck, presentCheckNow, presentTarget, presentTargetDetail } from './presenter.ts';
import {
  changeTargetBody,
  CheckListQuery,
  CheckNow,
  CheckPage,
  createTargetBody,
  DeletedTarget,
  Target,
  TargetDetail,
  TargetId,
  TargetListQuery,
  TargetRef,
} from './schema.ts';
import { uptimeOfLastDay } from './statistics.ts';

const SUBJECT = 'This HTTP target';
const COLLECTION = '/http-targets';
const ONE = `${COLLECTION}/{id}`;

export function httpTargetRoutes(deps: ApiDependencies): Route[] {
  const { config, clock, secrets, addressGuard } = deps;
  const defaults = { checkIntervalSeconds: config.defaultCheckIntervalSeconds };
  const common = { tag: 'HTTP targets', subject: SUBJECT, protection: 'key_or_cookie' } as const;

  return [
    defineRoute({
      ...common,
      method: 'get',
      path: COLLECTION,
      summary: 'Your HTTP targets',
      query: TargetListQuery,
      responses: {
        200: {
          description: 'A page of targets.',
          schema: Target.array(),
          example: [TARGET_EXAMPLE],
          headers: PAGE_HEADERS,
        },
      },
      async handler({ em, caller, query, searchParams }) {
        const { is_active: isActive, sort, status, ...filter } = query;
        const page = await withValidCursor(() =>
          new HttpTargetRepository(em, caller, secrets).list({
            ...filter,
            isActive,
            status: status && LOWER_STATUS[status],
            newestFirst: sort === '-created_at',
          }),
        );
        return {
          status: 200,
          body: page.items.map((target) => presentTarget(target, clock.now())),
          headers: nextPageHeaders(`${API_PREFIX}${COLLECTION}`, searchParams, page.nextCursor),
        };
      },
    }),

    defineRoute({
      ...common,
      method: 'post',
      path: COLLECTION,
      summary: 'Watch a URL',
      description:
        'It is checked at once, and from then on at its interval. A URL can be watched once: URLs are compared in normal form (default port and fragment dropped; query order and trailing slash kept).',
      body: createTargetBody(addressGuard, defaults),
      bodyExamples: CREATE_EXAMPLES,
      responses: {
        201: {
          description: 'Created.',
          schema: TargetRef,
          example: { id: TARGET_EXAMPLE.id },
          headers: { Location: 'The path of the new target.' },
        },
      },
      errors: { 409: 'Another target of yours has this URL; `existing_id` names it.' },
      async handler({ em, caller, body }) {
        const { next: definition } = newDefinition(body, defaults);
        const id = await createTarget({ em, caller, definition, deps });
        return { status: 201, body: { id }, headers: { Location: `${API_PREFIX}${COLLECTION}/${id}` } };
      },
    }),

    defineRoute({
      ...common,
      method: 'get',
      path: ONE,
      summary: 'One HTTP target, with its configuration',
      params: TargetId,
      responses: {
        200: { description: 'The target; header and body values are masked.', schema: TargetDetail },
      },
      async handler({ em, caller, params }) {
        const target = await new HttpTargetRepository(em, caller, secrets).find(params.id);
        if (target === null) throw notFound(SUBJECT);
        const now = clock.now();
        const uptime24h = await uptimeOfLastDay(em, caller, params.id, now);
        const body = presentTargetDetail(target, { now, uptime24h, temporal: config.temporal });
        return { status: 200, body };
      },
    }),

    defineRoute({
      ...common,
      method: 'put',
      path: ONE,
      summary: 'Change an HTTP target',
      description:
        'Send what is to change; a masked value stays as it is. `is_active: false` pauses the target. `headers` replaces all headers. The new configuration is in force within a second.',
      params: TargetId,
      body: changeTargetBody(addressGuard),
      bodyExamples: CHANGE_EXAMPLES,
      responses: { 200: { description: 'Changed.', schema: TargetRef, example: { id: TARGET_EXAMPLE.id } } },
      errors: { 409: 'Another target of yours has this URL; `existing_id` names it.' },
      async handler({ em, caller, params, body }) {
        await updateTarget({ em, caller, id: params.id, change: checkedChange(body), deps });
        return { status: 200, body: { id: params.id } };
      },
    }),

    defineRoute({
      ...common,
      method: 'delete',
      path: ONE,
      summary: 'Stop watching a URL',
      description: 'Its checks end at once, and the URL is free for a new target.',
      params: TargetId,
      responses: {
        200: { description: 'Deleted.', schema: DeletedTarget, example: { deleted: TARGET_EXAMPLE.id } },
      },
      async handler({ em, caller, params }) {
        await deleteTarget({ em, caller, id: params.id, deps });
        return { status: 200, body: { deleted: params.id } };
      },
    }),

    defineRoute({
      ...common,
      method: 'get',
      path: `${ONE}/checks`,
      summary: 'The checks of an HTTP target',
      description: 'Newest first.',
      params: TargetId,
      query: CheckListQuery,
      responses: {
        200: {
          description: 'A page of checks.',
          schema: CheckPage,
          example: { items: [CHECK_EXAMPLE], next_cursor: null },
        },
      },
      async handler({ em, caller, params, query }) {
        const target = await new HttpTargetRepository(em, caller, secrets).find(params.id);
        if (target === null) throw notFound(SUBJECT);
        const page = await withValidCursor(() => new CheckHistory(em, caller).list(params.id, query));
        return { status: 200, body: { items: page.items.map(presentCheck), next_cursor: page.nextCursor } };
      },
    }),

    defineRoute({
      ...common,
      method: 'post',
      path: `${ONE}/check`,
      summary: 'Check an HTTP target now',
      description:
        'Answers with the result; joins a check that is running. It is an extra check: the regular ones keep their pace. The same X-Request-Id again gets the same answer.',
      params: TargetId,
      responses: {
        200: {
          description: 'What the check found; that it failed is a result like any other.',
          schema: CheckNow,
          example: { ...CHECK_EXAMPLE, kind: 'manual', status: 'UP' },
        },
      },
      errors: {
        409: 'The target is paused.',
        503: 'Nobody checked it in time (it may still run), or a dependency is away; Retry-After says when to come back.',
      },
      async handler({ em, caller, params, requestId }) {
        const { result, status } = await checkTarget({ em, caller, id: params.id, requestId, deps });
        return { status: 200, body: presentCheckNow(result, status) };
      },
    }),
  ];
}

const LOWER_STATUS = { UP: 'up', DOWN: 'down', UNKNOWN: 'unknown', PAUSED: 'paused' } as const;

import { z } from 'zod';
import { FAILURE_CLASSES } from '../../domain/check.ts';
import type { AddressGuard } from '../../net/addressGuard.ts';
import { pageFields, queryBoolean, queryChoice, queryTime } from '../queryFields.ts';
import { customIssue } from '../zodIssues.ts';
import { newDefinition, ruleIssues, type TargetDefaults } from './definition.ts';
import {
  acceptedStatusCodesField,
  bodyField,
  METHODS,
  methodField,
  nameField,
  tagsField,
  urlField,
} from './fields.ts';
import { headersField } from './headersField.ts';

const STATUSES = ['UP', 'DOWN', 'UNKNOWN', 'PAUSED'] as const;
const MAX_INTERVAL_SECONDS = 86_400;

const time = z.iso.datetime();
const nullableTime = time.nullable();
const statusRanges = z.array(z.tuple([z.int(), z.int()])).nullable();
const failureClass = z.enum(FAILURE_CLASSES).nullable();

export const TargetId = z.strictObject({ id: z.guid().toLowerCase() });

/** The fields of a target as they are sent, each by its own rules. */
function fields(guard: AddressGuard) {
  return {
    name: nameField,
    url: urlField(guard),
    method: methodField,
    timeout_seconds: z.int().min(1).max(MAX_INTERVAL_SECONDS),
    check_interval_seconds: z.int().min(5).max(MAX_INTERVAL_SECONDS),
    retry_interval_seconds: z
      .int()
      .min(1)
      .max(MAX_INTERVAL_SECONDS)
      .describe('Applies between a first failure and DOWN.'),
    recovery_threshold: z
      .int()
      .min(1)
      .max(100)
      .describe('Passes in a row until a target that was down is up.'),
    accepted_status_codes: acceptedStatusCodesField,
    headers: headersField.describe('Sent with the check; values are masked in answers.'),
    body: bodyField.describe('Sent with the check; masked in answers.'),
    follow_redirects: z.boolean(),
    verify_tls: z.boolean(),
    tags: tagsField,
    is_active: z.boolean().describe('false pauses the target.'),
  };
}

/** The body of POST, with the rules that take several fields. */
export function createTargetBody(guard: AddressGuard, defaults: TargetDefaults) {
  const { name, url, ...rest } = fields(guard);
  return z
    .strictObject({ name, url, ...z.strictObject(rest).partial().shape })
    .superRefine(
      (body, context) => {
        const broken = new Set(context.issues.map((issue) => issue.path?.[0]));
        const sent = Object.fromEntries(Object.entries(body).filter(([field]) => !broken.has(field)));
        const { next, issues } = newDefinition({ ...sent, name: '', url: '' }, defaults);
        for (const { field, reads, message, type, path = [] } of [...issues, ...ruleIssues(next, sent)]) {
          if (!reads.some((read) => broken.has(read))) {
            context.addIssue(customIssue(type, message, [field, ...path]));
          }
        }
      },
      { when: ({ value }) => typeof value === 'object' && value !== null && !Array.isArray(value) },
    )
    .meta({ id: 'HttpTargetCreate' });
}

/** The body of PUT; rules that take several fields are checked against the stored target. */
export function changeTargetBody(guard: AddressGuard) {
  return z
    .strictObject(fields(guard))
    .partial()
    .meta({ id: 'HttpTargetChange', description: `What is left out, or masked, stays as it is.` });
}

export const TargetListQuery = z.strictObject({
  q: z.string().max(200).optional().describe('Part of the name or the URL.'),
  status: queryChoice(STATUSES).optional(),
  is_active: queryBoolean.optional(),
  tag: z.string().max(50).optional(),
  sort: z
    .enum(['created_at', '-created_at'])
    .default('created_at')
    .describe('With "-" the newest come first.'),
  ...pageFields({ defaultLimit: 1_000 }),
});

export const CheckListQuery = z.strictObject({
  from: queryTime.optional().describe('First moment of the range.'),
  to: queryTime.optional().describe('End of the range, itself excluded.'),
  ok: queryBoolean.optional().describe('Only checks that passed, or only those that failed.'),
  ...pageFields({ defaultLimit: 100 }),
});

export const Target = z
  .strictObject({
    id: z.guid(),
    name: z.string(),
    url: z.string(),
    method: z.enum(METHODS),
    accepted_status_codes: statusRanges,
    timeout_seconds: z.int(),
    check_interval_seconds: z.int(),
    is_active: z.boolean(),
    is_up: z.boolean(),
    is_pending: z.boolean().describe('Active, and not checked yet.'),
    last_check_at: nullableTime,
    last_check_age_sec: z.int().nullable(),
    last_state_change_age_sec: z.int().nullable(),
    last_status_code: z.int().nullable().describe('0 when there was no answer; null before the first check.'),
    last_status_label: z.string().nullable(),
    last_response_time_ms: z.int().nullable(),
    last_error_message: z.string().nullable(),
    status_message: z.string().describe('What the target is doing, in words.'),
    status: z.enum(STATUSES),
    failure_class: failureClass,
    consecutive_failures: z.int(),
    last_state_change_at: nullableTime,
    next_check_at: nullableTime,
    certificate_expires_at: nullableTime,
    tags: z.array(z.string()),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'HttpTarget' });

export const TargetDetail = z
  .strictObject({
    ...Target.shape,
    retry_interval_seconds: z.int(),
    recovery_threshold: z.int(),
    headers: z.record(z.string(), z.string()).nullable().describe('Names, with masked values.'),
    body: z.string().nullable().describe('Masked.'),
    follow_redirects: z.boolean(),
    verify_tls: z.boolean(),
    workflow_id: z.string(),
    temporal_url: z
      .string()
      .nullable()
      .describe('Its run in the Temporal UI; null where none is configured.'),
    uptime_24h: z
      .number()
      .min(0)
      .max(1)
      .nullable()
      .describe('Share of passed checks, 0 to 1; null without any.'),
  })
  .meta({ id: 'HttpTargetDetail' });

export const Check = z
  .strictObject({
    scheduled_at: time,
    started_at: time,
    ok: z.boolean(),
    status_code: z.int().nullable(),
    failure_class: failureClass,
    error_message: z.string().nullable(),
    dns_ms: z.int().nullable(),
    tcp_ms: z.int().nullable(),
    tls_ms: z.int().nullable(),
    first_byte_ms: z.int().nullable(),
    total_ms: z.int(),
    kind: z.enum(['scheduled', 'manual']),
  })
  .meta({ id: 'Check' });

export const CheckPage = z.strictObject({ items: z.array(Check), next_cursor: z.string().nullable() });
export const CheckNow = z
  .strictObject({ ...Check.shape, status: z.enum(STATUSES) })
  .meta({ id: 'CheckNow', description: 'What the check found, and what the target is now.' });
export const TargetRef = z.strictObject({ id: z.guid() });
export const DeletedTarget = z.strictObject({ deleted: z.guid() });

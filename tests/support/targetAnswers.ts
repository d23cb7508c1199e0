import { z } from 'zod';

// What API.md promises, written down from it and not from the code that is tested: no field more, none less.

const Time = z.iso.datetime({ precision: 3 });

const FAILURE_CLASSES = [
  'dns',
  'connect',
  'tls',
  'timeout',
  'http_status',
  'too_many_redirects',
  'protocol',
  'body_too_large',
  'monitor',
] as const;

const FailureClass = z.enum(FAILURE_CLASSES).nullable();
const Status = z.enum(['UP', 'DOWN', 'UNKNOWN', 'PAUSED']);
const Age = z.number().nonnegative().nullable();
const Milliseconds = z.int().nonnegative().nullable();

const listed = {
  id: z.uuid(),
  name: z.string(),
  url: z.url(),
  method: z.string(),
  accepted_status_codes: z.array(z.tuple([z.int(), z.int()])).nullable(),
  timeout_seconds: z.number(),
  check_interval_seconds: z.number(),
  is_active: z.boolean(),
  is_up: z.boolean().nullable(),
  is_pending: z.boolean(),
  last_check_at: Time.nullable(),
  last_check_age_sec: Age,
  last_state_change_age_sec: Age,
  last_status_code: z.int().nullable(),
  last_status_label: z.string().nullable(),
  last_response_time_ms: Milliseconds,
  last_error_message: z.string().nullable(),
  status_message: z.string().min(1),
  status: Status,
  failure_class: FailureClass,
  consecutive_failures: z.int().nonnegative(),
  last_state_change_at: Time.nullable(),
  next_check_at: Time.nullable(),
  certificate_expires_at: Time.nullable(),
  tags: z.array(z.string()),
  created_at: Time,
  updated_at: Time,
};

/** An element of GET /http-targets. */
export const ListedTargetAnswer = z.strictObject(listed);

/** GET /http-targets/{id}. */
export const TargetAnswer = z.strictObject({
  ...listed,
  retry_interval_seconds: z.number(),
  recovery_threshold: z.int(),
  headers: z.record(z.string(), z.string()).nullable(),
  body: z.string().nullable(),
  follow_redirects: z.boolean(),
  verify_tls: z.boolean(),
  workflow_id: z.string(),
  temporal_url: z.url(),
  uptime_24h: z.number().min(0).max(1).nullable(),
});

const check = {
  scheduled_at: Time,
  started_at: Time,
  ok: z.boolean(),
  status_code: z.int().nullable(),
  failure_class: FailureClass,
  error_message: z.string().nullable(),
  dns_ms: Milliseconds,
  tcp_ms: Milliseconds,
  tls_ms: Milliseconds,
  first_byte_ms: Milliseconds,
  total_ms: Milliseconds,
  kind: z.enum(['scheduled', 'manual']),
};

/** A row of GET /http-targets/{id}/checks. */
export const CheckAnswer = z.strictObject(check);
export const ChecksAnswer = z.strictObject({
  items: z.array(CheckAnswer),
  next_cursor: z.string().nullable(),
});

/** POST /http-targets/{id}/check. */
export const CheckNowAnswer = z.strictObject({ ...check, status: Status });

export const CreatedAnswer = z.strictObject({ id: z.uuid() });
export const DetailAnswer = z.strictObject({ detail: z.string().min(1) });
export const ConflictAnswer = z.strictObject({
  detail: z.looseObject({ message: z.string().min(1) }),
});

export type TargetStatus = z.infer<typeof Status>;
export type TargetAnswer = z.infer<typeof TargetAnswer>;
export type CheckAnswer = z.infer<typeof CheckAnswer>;
export type CheckNowAnswer = z.infer<typeof CheckNowAnswer>;

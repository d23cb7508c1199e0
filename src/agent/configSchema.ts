import { z } from 'zod';
import { METRIC_TYPES } from '../domain/threshold.ts';
import { MAX_NAME_LENGTH } from './metric.ts';
import { SOFTWARE } from './software.ts';

const MAX_LIST = 200;
/** The server knows an ingest id for 7 days; a day is left for sending. */
const MAX_BUFFER_HOURS = 144;

const wholeNumber = (min: number, max: number) => {
  const error = `should be a whole number from ${min} to ${max}`;
  // Flags are texts.
  const digits = z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number);
  return z
    .union([z.number(), digits], { error })
    .refine((value) => Number.isInteger(value) && value >= min && value <= max, { error });
};
const line = (max: number) =>
  z
    .string({ error: 'should be a text' })
    .trim()
    .regex(
      new RegExp(`^[^\\p{Cc}\u2028\u2029]{1,${max}}$`, 'u'),
      `should be 1 to ${max} characters without control characters`,
    );
const list = <T extends z.ZodType>(item: T) =>
  z.array(item, { error: 'should be a list' }).max(MAX_LIST, `should have at most ${MAX_LIST} entries`);
const path = line(1_000);

const server = z.string({ error: 'should be a text' }).transform((address, context) => {
  const url = URL.canParse(address) ? new URL(address) : null;
  const message = serverProblem(url);
  if (url !== null && message === null) return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
  context.addIssue({ code: 'custom', message: message ?? undefined });
  return z.NEVER;
});

const COMMAND = 'should be a line for the shell, or a list of a program and its arguments';
const argument = z.string().regex(/^[^\0]{1,4000}$/, COMMAND);

/** A metric that the user defines. */
export const CommandSchema = z.strictObject({
  name: line(MAX_NAME_LENGTH),
  type: z.enum(METRIC_TYPES, { error: `should be one of ${METRIC_TYPES.join(', ')}` }),
  unit: line(50).optional(),
  command: z.union([argument, z.array(argument).min(1, COMMAND).max(100, COMMAND)], { error: COMMAND }),
  timeout_seconds: wholeNumber(1, 300).optional(),
});

/** The config file. Every message reads on after the name of the setting, and says what it should be. */
export const SettingsSchema = z.strictObject(
  {
    server: server.optional(),
    key: line(500).optional(),
    key_file: path.optional(),
    hostname: line(253).optional(),
    interval_seconds: wholeNumber(1, 3_600).default(30),
    buffer: z
      .strictObject(
        {
          directory: path.optional(),
          max_mib: wholeNumber(1, 10_240).default(64),
          max_hours: wholeNumber(1, MAX_BUFFER_HOURS).default(24),
        },
        { error: unknownFieldOr('should have directory, max_mib or max_hours below it') },
      )
      .prefault({}),
    disks: list(path).optional(),
    interfaces: list(line(64)).optional(),
    services: list(
      z.string({ error: 'should be the name of a service' }).regex(/^[A-Za-z0-9][\w:.@-]{0,99}$/, {
        error: 'should be the name of a service, of letters, digits and : _ . @ -',
      }),
    ).default([]),
    versions: list(z.enum(SOFTWARE, { error: `should be one of ${SOFTWARE.join(', ')}` })).default([]),
    metrics: list(CommandSchema).default([]),
  },
  { error: unknownFieldOr('should be settings, each as name: value') },
);

function unknownFieldOr(message: string): z.core.$ZodErrorMap {
  return (issue) =>
    issue.code === 'unrecognized_keys'
      ? `has no setting ${issue.keys.join(', ')}: remove it, or correct its name (docs/agent.md lists all)`
      : message;
}

function serverProblem(url: URL | null): string | null {
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    return 'should be an address like https://monitoring.example.com';
  }
  if (url.username !== '' || url.search !== '' || url.hash !== '') {
    return 'should have neither a user name nor anything after ? or #';
  }
  return /\/api\/v1\/?$/.test(url.pathname) ? 'should end before /api/v1, which the agent adds' : null;
}

import { z } from 'zod';
import { normalizeTargetUrl } from '../../domain/targetUrl.ts';
import type { AddressGuard } from '../../net/addressGuard.ts';
import { customIssue } from '../zodIssues.ts';

export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
/** Stands for a header value or a body in answers; sent back, it means "as it is". */
export const MASK = '********';

const MAX_URL_LENGTH = 2_000;
const MAX_BODY_BYTES = 65_536;

/** An http(s) URL without credentials whose host, when it is written as an address, may be contacted. */
export function urlField(guard: AddressGuard) {
  return z
    .string()
    .trim()
    .superRefine((text, context) => {
      const issue = urlIssue(text, guard);
      if (issue !== null) context.addIssue(customIssue(...issue));
    })
    .meta({ override: { type: 'string', format: 'uri', maxLength: MAX_URL_LENGTH } });
}

function urlIssue(text: string, guard: AddressGuard): [type: string, message: string] | null {
  // WHATWG URLs drop tabs and line breaks in silence; whoever sends them means something else.
  if (!URL.canParse(text) || /\p{Cc}|\s/u.test(text)) {
    return [
      'url_parsing',
      'Input should be a valid URL: write it in full, such as https://example.com/health',
    ];
  }
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return ['url_scheme', "URL scheme should be 'http' or 'https'"];
  }
  if (url.username !== '' || url.password !== '') {
    return [
      'url_credentials',
      'URL should not contain a user name or password: send them in an Authorization header (headers)',
    ];
  }
  if (Math.max(text.length, normalizeTargetUrl(text).length) > MAX_URL_LENGTH) {
    return ['url_too_long', `URL should have at most ${MAX_URL_LENGTH} characters`];
  }
  const barred = guard.barredUrlReason(url);
  return barred === null ? null : ['url_barred', `URL should name a host that may be monitored: ${barred}`];
}

/** Shown in terminals and mails as it is: one line, without control characters. */
export const nameField = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}\u2028\u2029]*$/u, 'Name should be one line without control characters');

export const methodField = z
  .string()
  .toUpperCase()
  .pipe(z.enum(METHODS))
  .meta({ override: { type: 'string', enum: [...METHODS] } });

type StatusRange = [low: number, high: number];

/** `null`, or a list of 404, "200-299" and [200, 299] in any mixture; read as ranges. */
export const acceptedStatusCodesField = z
  .array(
    z.unknown().transform((entry, context): StatusRange => {
      const range = toStatusRange(entry);
      if (range !== null) return range;
      context.addIssue(
        customIssue(
          'status_code_range',
          'Input should be a status code from 100 to 599 or a range of them: 404, "200-299" or [200, 299]',
        ),
      );
      return z.NEVER;
    }),
  )
  .min(1)
  .max(50)
  .nullable()
  .meta({
    description: 'Which answers are good; null stands for 200-399.',
    override: {
      anyOf: [
        {
          type: 'array',
          minItems: 1,
          maxItems: 50,
          items: {
            anyOf: [
              { type: 'integer', minimum: 100, maximum: 599 },
              { type: 'string', pattern: '^[1-5]\\d\\d(-[1-5]\\d\\d)?$' },
              { type: 'array', items: { type: 'integer' }, minItems: 2, maxItems: 2 },
            ],
          },
        },
        { type: 'null' },
      ],
    },
  });

function toStatusRange(entry: unknown): StatusRange | null {
  const [low, high] = lowAndHigh(entry);
  if (!isStatusCode(low) || !isStatusCode(high) || low > high) return null;
  return [low, high];
}

function lowAndHigh(entry: unknown): [unknown, unknown] {
  if (typeof entry === 'string') {
    const [, low, high] = /^(\d{3})(?:\s*-\s*(\d{3}))?$/.exec(entry.trim()) ?? [];
    return low === undefined ? [null, null] : [Number(low), Number(high ?? low)];
  }
  if (!Array.isArray(entry)) return [entry, entry];
  const bounds: readonly unknown[] = entry;
  return bounds.length === 2 ? [bounds[0], bounds[1]] : [null, null];
}

function isStatusCode(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 100 && value <= 599;
}

/** Sent with the check; null or an empty text sends none. */
export const bodyField = z
  .string()
  .superRefine((text, context) => {
    if (Buffer.byteLength(text) <= MAX_BODY_BYTES) return;
    context.addIssue(customIssue('string_too_long', `Body should have at most ${MAX_BODY_BYTES} bytes`));
  })
  .transform((text) => (text === '' ? null : text))
  .nullable();

export const tagsField = z
  .array(z.string().trim().min(1).max(50))
  .max(20)
  .transform((tags) => [...new Set(tags)]);

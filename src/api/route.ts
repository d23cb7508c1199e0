import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import type { Caller } from '../db/repositories/clients.ts';
import { ApiError, missingKey, notFound, unprocessable, type FieldIssue } from './errors.ts';
import type { BodyReading } from './jsonBody.ts';
import { textIssues } from './wellFormedText.ts';
import { toFieldIssues } from './zodIssues.ts';

export const API_PREFIX = '/api/v1';

/** Who may call: anybody, programs with a key, or programs and people (who log in). */
export type Protection = 'public' | 'key' | 'key_or_cookie';

interface ResponseDeclaration {
  readonly description: string;
  readonly schema: z.ZodType;
  readonly example?: unknown;
  /** Name of a header and what it holds. */
  readonly headers?: Readonly<Record<string, string>>;
}
type Responses = Readonly<Record<number, ResponseDeclaration>>;
type Fields = z.ZodObject;

/** Everything that is told about a route: what the router, the validation and OpenAPI are made from. */
interface RouteDeclaration {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** Under /api/v1, with parameters in braces: `/http-targets/{id}`. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly protection: Protection;
  /** What the path names, for its 404: "This HTTP target". */
  readonly subject?: string;
  readonly params?: Fields;
  readonly query?: Fields;
  /** Headers beyond those of every request, by their names in lower case. */
  readonly headers?: Fields;
  readonly body?: z.ZodType;
  /** How the body may come; as plain JSON of 1 MiB where nothing is said. */
  readonly bodyReading?: BodyReading;
  readonly bodyExamples?: Readonly<Record<string, unknown>>;
  readonly responses: Responses;
  /** Errors beyond those that every such route has, with what they mean here. */
  readonly errors?: Readonly<Record<number, string>>;
}

/** A request as it came, before any of it is checked. */
interface RawCall {
  readonly params: unknown;
  readonly searchParams: URLSearchParams;
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, unknown>>;
  readonly readBody: () => Promise<unknown>;
  readonly caller: Caller | null;
  /** Forked for this request. */
  readonly em: EntityManager;
  readonly requestId: string;
}

export interface RawAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A declared route, ready to be mounted and described. */
export interface Route extends RouteDeclaration {
  /** Checks query, body and path, in this order, and runs the handler. @throws ApiError */
  readonly answer: (call: RawCall) => Promise<RawAnswer>;
}

interface Call<
  A extends Protection,
  P extends Fields,
  Q extends Fields,
  H extends Fields,
  B extends z.ZodType,
> {
  readonly caller: A extends 'public' ? null : Caller;
  readonly params: z.output<P>;
  readonly query: z.output<Q>;
  readonly headers: z.output<H>;
  readonly body: z.output<B>;
  readonly searchParams: URLSearchParams;
  readonly em: EntityManager;
  readonly requestId: string;
}

type Answer<R extends Responses> = {
  [S in keyof R & number]: Omit<RawAnswer, 'status' | 'body'> & {
    readonly status: S;
    readonly body: z.output<R[S]['schema']>;
  };
}[keyof R & number];

const NO_FIELDS = z.strictObject({});
type NoFields = typeof NO_FIELDS;

interface RouteSpec<
  A extends Protection,
  R extends Responses,
  P extends Fields,
  Q extends Fields,
  H extends Fields,
  B extends z.ZodType,
> extends RouteDeclaration {
  readonly protection: A;
  readonly params?: P;
  readonly query?: Q;
  readonly headers?: H;
  readonly body?: B;
  readonly responses: R;
  readonly handler: (call: Call<A, P, Q, H, B>) => Promise<Answer<NoInfer<R>>>;
}

/** Declares a route; the handler's arguments and answers are typed from the schemas. */
export function defineRoute<
  const A extends Protection,
  const R extends Responses,
  P extends Fields = NoFields,
  Q extends Fields = NoFields,
  H extends Fields = NoFields,
  B extends z.ZodType = z.ZodUndefined,
>({ handler, ...declaration }: RouteSpec<A, R, P, Q, H, B>): Route {
  return {
    ...declaration,
    answer: async (raw) => handler(await checkedCall<A, P, Q, H, B>(declaration, raw)),
  };
}

/** Query, headers and body first, with everything that is wrong in them at once; then the path. */
async function checkedCall<
  A extends Protection,
  P extends Fields,
  Q extends Fields,
  H extends Fields,
  B extends z.ZodType,
>(declaration: RouteDeclaration, raw: RawCall): Promise<Call<A, P, Q, H, B>> {
  const { protection, params = NO_FIELDS, query, headers, body, subject = 'This' } = declaration;
  if (protection !== 'public' && raw.caller === null) throw missingKey();
  const issues: FieldIssue[] = [];
  const checked = {
    // Health checks come with whatever a load balancer adds to them.
    query:
      query || protection !== 'public' ? parsed(query ?? NO_FIELDS, queryObject(raw), 'query', issues) : {},
    headers: headers && parsed(headers, sentHeaders(headers, raw), 'header', issues),
    body: body && parsed(body, await readBody(raw, issues), 'body', issues),
  };
  if (issues.length > 0) throw unprocessable(issues);
  const path: z.ZodSafeParseResult<unknown> = params.safeParse(raw.params);
  if (!path.success) throw notFound(subject);
  const call: Record<keyof Call<A, P, Q, H, B>, unknown> = { ...raw, ...checked, params: path.data };
  return call as Call<A, P, Q, H, B>;
}

/** Those that the route knows; every request has others. */
function sentHeaders({ shape }: Fields, { headers }: RawCall): Record<string, unknown> {
  return Object.fromEntries(
    Object.keys(shape)
      .filter((name) => headers[name] !== undefined)
      .map((name) => [name, headers[name]]),
  );
}

const UNREADABLE = Symbol('a body that is no JSON');

/** A body that is no JSON is one issue among those of the query; anything else (413, 415) ends the request. */
async function readBody(raw: RawCall, issues: FieldIssue[]): Promise<unknown> {
  try {
    return await raw.readBody();
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 422) throw error;
    issues.push(...(error.answer.detail as readonly FieldIssue[]));
    return UNREADABLE;
  }
}

function parsed(schema: z.ZodType, value: unknown, part: string, issues: FieldIssue[]): unknown {
  if (value === UNREADABLE) return undefined;
  const unstorable = textIssues(value, part);
  if (unstorable.length > 0) {
    issues.push(...unstorable);
    return undefined;
  }
  const result = schema.safeParse(value, { reportInput: true });
  if (!result.success) issues.push(...toFieldIssues(result.error, part));
  return result.data;
}

/** A parameter that is given twice becomes a list, which no schema of a single value takes. */
function queryObject({ searchParams }: RawCall): Record<string, string | string[]> {
  const entries = [...new Set(searchParams.keys())].map((name) => {
    const values = searchParams.getAll(name);
    return [name, values.length === 1 ? (values[0] ?? '') : values] as const;
  });
  return Object.fromEntries(entries);
}

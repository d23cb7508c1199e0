import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject } from 'zod-openapi';
import { createDocument } from 'zod-openapi';
import { API_KEY_HEADER } from './errors.ts';
import { PLAIN_BODY } from './jsonBody.ts';
import { problemSchema } from './problemSchemas.ts';
import { API_PREFIX, type Route } from './route.ts';

const DESCRIPTION = `Monitoring of HTTP targets and of machines: each is watched by a long-lived workflow of its own.

Every request but the health checks carries an API key in \`${API_KEY_HEADER}\`. Times are RFC 3339 in UTC,
durations in the unit that the name says. Every answer carries \`X-Request-Id\`; send one of your own to find
it again in the logs. Lists take \`limit\` and \`cursor\`: the next page is in the \`Link\` header and in
\`X-Next-Cursor\`, or in \`next_cursor\`.`;

/** The OpenAPI 3.1 document of these routes. */
export function openApiDocument(routes: readonly Route[]): ReturnType<typeof createDocument> {
  const paths: ZodOpenApiPathsObject = {};
  for (const route of routes) {
    const path = `${API_PREFIX}${route.path}`;
    paths[path] = { ...paths[path], [route.method]: operation(route) };
  }
  return createDocument({
    openapi: '3.1.0',
    info: { title: 'Monitoring server', version: '1.0.0', description: DESCRIPTION },
    servers: [{ url: '/' }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    components: {
      securitySchemes: { ApiKey: { type: 'apiKey', in: 'header', name: API_KEY_HEADER } },
    },
    paths,
  });
}

/** The errors of a route: those of its kind, and what it declares itself. */
export function errorsOf(route: Route): Readonly<Record<number, string>> {
  const { protection, body, bodyReading = PLAIN_BODY, params, query } = route;
  return {
    ...(protection === 'public' ? {} : { 401: `The key in ${API_KEY_HEADER} is missing or unknown.` }),
    ...(params === undefined ? {} : { 404: `${route.subject ?? 'It'} does not exist.` }),
    ...(body === undefined
      ? {}
      : {
          413: `The body is larger than ${bodyReading.limitBytes / 1024 / 1024} MiB${bodyReading.gzip ? ', as it is sent or inflated' : ''}.`,
          415: `The body is not declared as JSON${bodyReading.gzip ? ', or compressed otherwise than with gzip' : ''}.`,
        }),
    ...(body === undefined && query === undefined
      ? {}
      : { 422: 'The request breaks the rules that it names.' }),
    ...(protection === 'public'
      ? {}
      : {
          429: 'Too many requests with this key; Retry-After says when to come back.',
          503: 'The database cannot be reached; Retry-After says when to come back.',
        }),
    ...route.errors,
  };
}

function operation(route: Route): ZodOpenApiOperationObject {
  const { method, path, summary, description, tag, params, query, headers, body, bodyReading, bodyExamples } =
    route;
  return {
    operationId: `${method}${path.replace(/[^a-z]+(\w?)/gi, (_, letter: string) => letter.toUpperCase())}`,
    summary,
    ...(description === undefined ? {} : { description }),
    tags: [tag],
    security: route.protection === 'public' ? [] : [{ ApiKey: [] }],
    requestParams: {
      ...(params && { path: params }),
      ...(query && { query }),
      ...(headers && { header: headers }),
    },
    ...(body && {
      requestBody: {
        required: bodyReading?.isOptional !== true,
        content: {
          'application/json': { schema: body, ...(bodyExamples && { examples: named(bodyExamples) }) },
        },
      },
    }),
    responses: { ...successes(route), ...failures(route) },
  };
}

function successes(route: Route): ZodOpenApiOperationObject['responses'] {
  return Object.fromEntries(
    Object.entries(route.responses).map(([status, { description, schema, example, headers = {} }]) => [
      status,
      {
        description,
        headers: headerObjects({ 'X-Request-Id': 'The id of this request.', ...headers }),
        content: { 'application/json': { schema, ...(example === undefined ? {} : { example }) } },
      },
    ]),
  );
}

function failures(route: Route): ZodOpenApiOperationObject['responses'] {
  return Object.fromEntries(
    Object.entries(errorsOf(route)).map(([status, description]) => [
      status,
      { description, content: { 'application/json': { schema: problemSchema(Number(status)) } } },
    ]),
  );
}

function headerObjects(headers: Readonly<Record<string, string>>) {
  return Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [
      name,
      { description, schema: { type: 'string' as const } },
    ]),
  );
}

function named(examples: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(
    Object.entries(examples).map(([name, value]) => [name, { summary: name, value }]),
  );
}

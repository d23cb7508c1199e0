import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';

let api: ApiUnderTest;
let document: OpenApi;
beforeAll(async () => {
  api = await startApi();
  document = (await api.anonymous.get('//openapi.json')).body as OpenApi;
});
afterAll(() => api.close());

interface Operation {
  operationId: string;
  summary: string;
  security: unknown[];
  parameters?: { in: string; name: string; schema: unknown }[];
  requestBody?: {
    content: Record<string, { schema: unknown; examples?: Record<string, { value: unknown }> }>;
  };
  responses: Record<
    string,
    { description: string; content?: Record<string, { schema: unknown; example?: unknown }> }
  >;
}
interface OpenApi {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, unknown>; securitySchemes: Record<string, unknown> };
}

function operations(): [string, Operation][] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [
      `${method} ${path}`,
      operation,
    ]),
  );
}

describe('/openapi.json', () => {
  it('should describe every route of the contract', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(
      operations()
        .map(([name]) => name)
        .sort(),
    ).toEqual([
      'delete /api/v1/channels/{id}',
      'delete /api/v1/http-targets/{id}',
      'delete /api/v1/machines/{id}',
      'get /api/v1/alerts',
      'get /api/v1/channels',
      'get /api/v1/channels/{id}',
      'get /api/v1/health',
      'get /api/v1/health/ready',
      'get /api/v1/http-targets',
      'get /api/v1/http-targets/{id}',
      'get /api/v1/http-targets/{id}/checks',
      'get /api/v1/http-targets/{id}/latency',
      'get /api/v1/http-targets/{id}/uptime',
      'get /api/v1/incidents',
      'get /api/v1/incidents/{id}',
      'get /api/v1/machines',
      'get /api/v1/machines/{id}/detail',
      'get /api/v1/metrics',
      'get /api/v1/metrics/{id}/samples',
      'get /api/v1/metrics/{machine_id}',
      'get /api/v1/notifications',
      'get /api/v1/settings',
      'patch /api/v1/machines/{id}/pause',
      'patch /api/v1/metrics/{id}/alerting',
      'patch /api/v1/metrics/{id}/pause',
      'post /api/v1/alerts/{id}/acknowledge',
      'post /api/v1/alerts/{id}/resolve',
      'post /api/v1/channels',
      'post /api/v1/channels/{id}/test',
      'post /api/v1/http-targets',
      'post /api/v1/http-targets/{id}/check',
      'post /api/v1/incidents/{id}/notes',
      'post /api/v1/ingest/batch',
      'post /api/v1/ingest/metrics',
      'post /api/v1/metrics/{id}/thresholds/default',
      'post /api/v1/notifications/{id}/resend',
      'put /api/v1/channels/{id}',
      'put /api/v1/http-targets/{id}',
      'put /api/v1/settings',
    ]);
  });

  it('should hold no dangling reference, no empty schema and no id twice', () => {
    const text = JSON.stringify(document);
    for (const [, name = ''] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      expect(Object.keys(document.components.schemas)).toContain(name);
    }
    const ids = operations().map(([, { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(text).not.toContain('"schema":{}');
  });

  it('should declare path parameters, errors and protection of each route', () => {
    for (const [name, operation] of operations()) {
      const inPath = [...name.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter);
      const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
      expect({ name, declared: declared.map((parameter) => parameter.name) }).toEqual({
        name,
        declared: inPath,
      });
      const isPublic = name.includes('/health');
      expect(operation.security).toEqual(isPublic ? [] : [{ ApiKey: [] }]);
      if (!isPublic)
        expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(['401', '429', '503']));
      for (const { description } of Object.values(operation.responses)) expect(description).not.toBe('');
    }
  });

  it('should describe the fields of a new target as a client sends them', () => {
    expect(document.components.schemas['HttpTargetCreate']).toMatchObject({
      type: 'object',
      required: ['name', 'url'],
      additionalProperties: false,
      properties: {
        url: { type: 'string', format: 'uri' },
        method: { type: 'string', enum: expect.arrayContaining(['GET', 'OPTIONS']) },
        check_interval_seconds: { type: 'integer', minimum: 5, maximum: 86_400 },
        accepted_status_codes: { anyOf: [{ type: 'array' }, { type: 'null' }] },
      },
    });
  });

  it('should give examples that the schemas take', () => {
    for (const route of api.routes) {
      for (const example of Object.values(route.bodyExamples ?? {})) {
        expect(route.body?.safeParse(example)).toMatchObject({ success: true });
      }
      for (const { schema, example } of Object.values(route.responses)) {
        if (example !== undefined) expect(schema.safeParse(example)).toMatchObject({ success: true });
      }
    }
  });
});

describe('/docs', () => {
  it('should load everything from here, with no script in the page', async () => {
    const page = await api.anonymous.get('//docs');
    expect(page.status).toBe(200);
    expect(page.headers.get('Content-Type')).toContain('text/html');
    const scripts = [...page.text.matchAll(/<script([^>]*)>([^<]*)<\/script>/g)];
    expect(scripts).toHaveLength(2);
    for (const [, , inline] of scripts) expect(inline).toBe('');
    expect(page.text).not.toMatch(/\son\w+=|style=|https?:\/\//);
    const types: Record<string, RegExp> = { js: /javascript/, css: /text\/css/, png: /image\/png/ };
    for (const [, address = ''] of page.text.matchAll(/(?:src|href)="([^"]+)"/g)) {
      const asset = await fetch(`${api.baseUrl}${address}`);
      expect([address, asset.status]).toEqual([address, 200]);
      expect(asset.headers.get('Content-Type')).toMatch(types[address.split('.').at(-1) ?? ''] ?? /never/);
      expect((await asset.arrayBuffer()).byteLength).toBeGreaterThan(0);
    }
  });

  it('should give no other file of the package', async () => {
    for (const path of ['package.json', '..%2fpackage.json', 'index.html', 'swagger-ui.js.map']) {
      expect((await api.anonymous.get(`//docs/${path}`)).status).toBe(404);
    }
  });
});

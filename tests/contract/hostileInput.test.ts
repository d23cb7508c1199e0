import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ApiClient } from '../support/apiClient.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { buildTargetBody } from '../support/buildTarget.ts';

let api: ApiUnderTest;
let client: ApiClient;
let id: string;
beforeAll(async () => {
  api = await startApi();
  client = await api.newClient();
  id = await client.createTarget(buildTargetBody());
});
afterAll(() => api.close());

const text = fc.string({ unit: 'binary', maxLength: 30 });
const FIELDS = Object.keys({
  ...buildTargetBody(),
  method: 1,
  retry_interval_seconds: 1,
  recovery_threshold: 1,
  accepted_status_codes: 1,
  headers: 1,
  body: 1,
  follow_redirects: 1,
  verify_tls: 1,
  tags: 1,
  is_active: 1,
  notification_email: 1,
  heartbeat_threshold_minutes: 1,
});
/** Values that come near to what is taken, so that some get through to the database. */
const value = fc.oneof(
  fc.jsonValue(),
  text,
  fc.constantFrom(
    '********',
    'GET',
    'POST',
    '200-299',
    'http://a.example/%00',
    'http://ż.example:0/',
    -0,
    2 ** 31,
  ),
  fc.integer({ min: 1, max: 100_000 }),
  fc.array(fc.oneof(text, fc.integer({ min: 90, max: 610 }))),
  fc.dictionary(text, text),
);
const anyBody = fc.oneof(
  fc.jsonValue(),
  fc.dictionary(fc.constantFrom(...FIELDS), value),
  fc.dictionary(fc.constantFrom(...FIELDS), value).map((fields) => buildTargetBody(fields)),
);

describe('hostile input', () => {
  it.each([
    ['POST', () => '/http-targets'],
    ['PUT', () => `/http-targets/${id}`],
    ['PUT', () => '/settings'],
  ])('should never be a fault of ours: any JSON in %s', async (method, path) => {
    const property = fc.asyncProperty(anyBody, async (body) => {
      const answer = await client.request(method, path(), { body });
      expect([200, 201, 409, 422]).toContain(answer.status);
    });
    await fc.assert(property, { numRuns: 150 });
  });

  it('should never be a fault of ours: any query', async () => {
    const names = fc.constantFrom(
      'q',
      'status',
      'is_active',
      'tag',
      'sort',
      'limit',
      'cursor',
      'from',
      'to',
      'ok',
    );
    const cursor = fc.jsonValue().map((key) => Buffer.from(JSON.stringify(key)).toString('base64url'));
    const query = fc.dictionary(names, fc.oneof(text, cursor, fc.integer().map(String)));
    const property = fc.asyncProperty(query, fc.boolean(), async (fields, ofChecks) => {
      const path = ofChecks ? `/http-targets/${id}/checks` : '/http-targets';
      const answer = await client.get(`${path}?${new URLSearchParams(fields).toString()}`);
      expect([200, 422]).toContain(answer.status);
    });
    await fc.assert(property, { numRuns: 150 });
  });

  it('should never be a fault of ours: any path and any bytes', async () => {
    const property = fc.asyncProperty(fc.webPath(), fc.uint8Array({ maxLength: 50 }), async (path, bytes) => {
      const answer = await client.request('PUT', `/http-targets${path}`, {
        rawBody: Buffer.from(bytes),
        headers: { 'Content-Type': 'application/json' },
      });
      expect([404, 405, 422]).toContain(answer.status);
    });
    await fc.assert(property, { numRuns: 100 });
    for (const path of ['/http-targets/%', '/http-targets/%FF', '/%2e%2e/%2e%2e/etc/passwd', '//%00']) {
      expect((await client.get(path)).status).toBe(404);
    }
  });
});

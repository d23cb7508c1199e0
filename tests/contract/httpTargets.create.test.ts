import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiClient, ApiResponse } from '../support/apiClient.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { buildTargetBody } from '../support/buildTarget.ts';
import { fieldIssues } from '../support/fieldIssues.ts';

let api: ApiUnderTest;
let client: ApiClient;
beforeAll(async () => {
  api = await startApi();
  client = await api.newClient();
});
afterAll(() => api.close());

const create = (overrides: Record<string, unknown>): Promise<ApiResponse> =>
  client.post('/http-targets', buildTargetBody(overrides));

describe('#http-targets.create', () => {
  it('should answer with the id and the place of the new target', async () => {
    const answer = await create({});
    expect(answer.status).toBe(201);
    const { id } = answer.body as { id: string };
    expect(answer.headers.get('Location')).toBe(`/api/v1/http-targets/${id}`);
    expect((await client.get(`/http-targets/${id}`)).status).toBe(200);
  });

  it('should take the request of the old documentation as it is', async () => {
    const answer = await client.post('/http-targets', {
      name: 'Httpbin 500 (via API)',
      url: 'https://httpbin.org/status/500',
      method: 'GET',
      accepted_status_codes: null,
      timeout_seconds: 10,
      check_interval_seconds: 60,
      is_active: true,
    });
    expect(answer.status).toBe(201);
  });

  it('should fill in the defaults, with a timeout and a retry interval that fit the interval', async () => {
    const url = 'https://defaults.example.com/';
    const id = await client.createTarget({ name: '  Shop  ', url, check_interval_seconds: 20 });
    expect((await client.get(`/http-targets/${id}`)).body).toMatchObject({
      name: 'Shop',
      url,
      method: 'GET',
      accepted_status_codes: null,
      timeout_seconds: 20,
      check_interval_seconds: 20,
      retry_interval_seconds: 20,
      recovery_threshold: 1,
      headers: null,
      body: null,
      follow_redirects: true,
      verify_tls: true,
      tags: [],
      is_active: true,
    });
    const other = await client.createTarget({ name: 'Shop', url: `${url}other` });
    expect((await client.get(`/http-targets/${other}`)).body).toMatchObject({
      timeout_seconds: 30,
      check_interval_seconds: 300,
      retry_interval_seconds: 30,
    });
  });

  it('should read status codes in each of their spellings and methods in any case', async () => {
    const id = await client.createTarget(
      buildTargetBody({ method: 'post', accepted_status_codes: [404, '200-299', [301, 302], '418'] }),
    );
    expect((await client.get(`/http-targets/${id}`)).body).toMatchObject({
      method: 'POST',
      accepted_status_codes: [
        [404, 404],
        [200, 299],
        [301, 302],
        [418, 418],
      ],
    });
  });

  it('should start the workflow with the failure threshold of the settings', async () => {
    await client.put('/settings', { consecutive_failures_threshold: 4 });
    const id = await client.createTarget(buildTargetBody());
    expect(api.workflows.started.at(-1)).toMatchObject({ target: { id }, failureThreshold: 4 });
  });

  it('should create the target also while Temporal is away', async () => {
    api.workflows.isThere = false;
    expect((await create({})).status).toBe(201);
    api.workflows.isThere = true;
  });

  it('should refuse a URL that is there already, in any spelling of its normal form', async () => {
    const id = await client.createTarget(buildTargetBody({ url: 'https://twice.example.com:443/a?b=1&c=2' }));
    for (const url of ['https://TWICE.example.com/a?b=1&c=2', 'https://twice.example.com/a?b=1&c=2#part']) {
      const answer = await create({ url });
      expect(answer.status).toBe(409);
      expect(answer.body).toEqual({ detail: { message: expect.any(String), existing_id: id } });
    }
    expect((await create({ url: 'https://twice.example.com/a?c=2&b=1' })).status).toBe(201);
    expect((await create({ url: 'https://twice.example.com/a/?b=1&c=2' })).status).toBe(201);
  });

  it('should create one of twenty targets that are posted at the same time with the same URL', async () => {
    const body = buildTargetBody();
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.post('/http-targets', body)));
    const created = answers.filter(({ status }) => status === 201);
    const refused = answers.filter(({ status }) => status === 409);
    expect([created.length, refused.length]).toEqual([1, 19]);
    const { id } = created[0]?.body as { id: string };
    for (const { body: detail } of refused) expect(detail).toMatchObject({ detail: { existing_id: id } });
  });

  it('should let another client watch the same URL', async () => {
    const body = buildTargetBody();
    await client.createTarget(body);
    expect((await (await api.newClient()).post('/http-targets', body)).status).toBe(201);
  });

  it('should say of a URL with another scheme exactly what the old server said', async () => {
    const answer = await create({ url: 'ftp://example.com/file' });
    expect(answer.status).toBe(422);
    expect(answer.body).toEqual({
      detail: [{ loc: ['body', 'url'], msg: "URL scheme should be 'http' or 'https'", type: 'url_scheme' }],
    });
  });

  it('should report everything that is wrong at once', async () => {
    const answer = await client.post('/http-targets', {
      url: 'nonsense',
      method: 'BREW',
      timeout_seconds: 400,
      check_interval_seconds: '60',
      retry_interval_seconds: 1.5,
      is_active: 'yes',
      tags: ['', 7],
      surprise: 1,
    });
    expect(fieldIssues(answer)).toEqual({
      'body.name': 'missing',
      'body.url': 'url_parsing',
      'body.method': 'literal_error',
      'body.check_interval_seconds': 'int_parsing',
      'body.retry_interval_seconds': 'int_from_float',
      'body.is_active': 'bool_type',
      'body.tags.0': 'string_too_short',
      'body.tags.1': 'string_type',
      'body.surprise': 'extra_forbidden',
    });
  });

  it.each([
    ['a blank name', { name: '  ' }, { 'body.name': 'string_too_short' }],
    ['a long name', { name: 'x'.repeat(201) }, { 'body.name': 'string_too_long' }],
    ['no host', { url: 'http://' }, { 'body.url': 'url_parsing' }],
    ['no scheme', { url: 'example.com' }, { 'body.url': 'url_parsing' }],
    ['a line break in the URL', { url: 'http://exam\nple.com' }, { 'body.url': 'url_parsing' }],
    ['a password in the URL', { url: 'https://me:secret@example.com' }, { 'body.url': 'url_credentials' }],
    ['a long URL', { url: `https://example.com/${'x'.repeat(2_000)}` }, { 'body.url': 'url_too_long' }],
    ['a metadata address', { url: 'http://169.254.169.254/latest' }, { 'body.url': 'url_barred' }],
    ['the same in disguise', { url: 'http://[::ffff:a9fe:a9fe]/' }, { 'body.url': 'url_barred' }],
    [
      'a short interval',
      { check_interval_seconds: 4 },
      { 'body.check_interval_seconds': 'greater_than_equal' },
    ],
    [
      'a long interval',
      { check_interval_seconds: 86_401 },
      { 'body.check_interval_seconds': 'less_than_equal' },
    ],
    ['no timeout', { timeout_seconds: 0 }, { 'body.timeout_seconds': 'greater_than_equal' }],
    ['a timeout above the interval', { timeout_seconds: 61 }, { 'body.timeout_seconds': 'less_than_equal' }],
    [
      'a timeout above the default interval',
      { timeout_seconds: 301, check_interval_seconds: undefined },
      { 'body.timeout_seconds': 'less_than_equal' },
    ],
    [
      'a retry above the interval',
      { retry_interval_seconds: 61 },
      { 'body.retry_interval_seconds': 'less_than_equal' },
    ],
    ['a recovery of none', { recovery_threshold: 0 }, { 'body.recovery_threshold': 'greater_than_equal' }],
    ['an infinite number', { recovery_threshold: 1e300 }, { 'body.recovery_threshold': 'less_than_equal' }],
    ['no status code at all', { accepted_status_codes: [] }, { 'body.accepted_status_codes': 'too_short' }],
    [
      'status codes in no list',
      { accepted_status_codes: '200' },
      { 'body.accepted_status_codes': 'list_type' },
    ],
    [
      'no such status code',
      { accepted_status_codes: [200, 99] },
      { 'body.accepted_status_codes.1': 'status_code_range' },
    ],
    [
      'a range upside down',
      { accepted_status_codes: ['299-200'] },
      { 'body.accepted_status_codes.0': 'status_code_range' },
    ],
    [
      'too many status codes',
      { accepted_status_codes: Array(51).fill(200) },
      { 'body.accepted_status_codes': 'too_long' },
    ],
    [
      'a header name with a space',
      { headers: { 'X Probe': '1' } },
      { 'body.headers.X Probe': 'header_name' },
    ],
    [
      'a line break in a header',
      { headers: { 'X-Probe': 'a\r\nb' } },
      { 'body.headers.X-Probe': 'header_value' },
    ],
    ['a header beyond Latin-1', { headers: { 'X-Probe': 'ż' } }, { 'body.headers.X-Probe': 'header_value' }],
    ['a header that is a number', { headers: { 'X-Probe': 1 } }, { 'body.headers.X-Probe': 'string_type' }],
    [
      'a huge header',
      { headers: { 'X-Probe': 'x'.repeat(8_193) } },
      { 'body.headers.X-Probe': 'string_too_long' },
    ],
    [
      'a framing header',
      { headers: { 'content-length': '1' } },
      { 'body.headers.content-length': 'header_forbidden' },
    ],
    ['a header twice', { headers: { 'X-A': '1', 'x-a': '2' } }, { 'body.headers.x-a': 'header_duplicate' }],
    ['headers in a list', { headers: ['X-A'] }, { 'body.headers': 'dict_type' }],
    ['a masked header', { headers: { 'X-A': '********' } }, { 'body.headers.X-A': 'masked_value' }],
    ['a body with GET', { body: 'x' }, { 'body.body': 'body_not_allowed' }],
    ['a huge body', { method: 'POST', body: 'ż'.repeat(32_769) }, { 'body.body': 'string_too_long' }],
    ['too many tags', { tags: Array.from({ length: 21 }, String) }, { 'body.tags': 'too_long' }],
    ['a long tag', { tags: ['x'.repeat(51)] }, { 'body.tags.0': 'string_too_long' }],
    ['null for a flag', { verify_tls: null }, { 'body.verify_tls': 'bool_type' }],
    ['a NUL character', { name: 'a\u0000b' }, { 'body.name': 'string_unicode' }],
    ['half a surrogate pair', { tags: ['\ud800'] }, { 'body.tags.0': 'string_unicode' }],
  ])('should refuse %s', async (_what, overrides, expected) => {
    const answer = await create(overrides);
    expect({ status: answer.status, issues: fieldIssues(answer) }).toEqual({ status: 422, issues: expected });
  });

  it('should bar private addresses where it is told to', async () => {
    const strict = await startApi({ environment: { BLOCK_PRIVATE_TARGETS: '1' } });
    const caller = await strict.newClient();
    for (const url of ['http://127.0.0.1/', 'http://localhost:8080/', 'http://10.1.2.3/', 'http://[::1]/']) {
      const answer = await caller.post('/http-targets', buildTargetBody({ url }));
      expect(fieldIssues(answer)).toEqual({ 'body.url': 'url_barred' });
    }
    await strict.close();
  });

  it('should take everything at its limit', async () => {
    const answer = await create({
      name: 'x'.repeat(200),
      url: `https://example.com/${'x'.repeat(1_980)}`,
      method: 'DELETE',
      timeout_seconds: 86_400,
      check_interval_seconds: 86_400,
      retry_interval_seconds: 86_400,
      recovery_threshold: 100,
      accepted_status_codes: Array(50).fill('100-599'),
      headers: Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`X-${n}`, 'é'.repeat(200)])),
      body: 'x'.repeat(65_536),
      tags: Array.from({ length: 20 }, (_, n) => `${n}`.padStart(50, 'x')),
    });
    expect(answer.status).toBe(201);
  });
});

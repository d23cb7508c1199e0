import { randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildCertificate } from '../integration/probe/certificates.ts';
import { answer, refusedPort, says, startMisbehavingServer } from '../support/misbehavingServer.ts';
import { doubledSlots, gapsMs, slotOf, StackClient } from '../support/stackClient.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { ListedTargetAnswer } from '../support/targetAnswers.ts';
import { startTargetFarm, type TargetFarm } from '../support/targetFarm.ts';
import { viewTemporal, type TemporalView } from '../support/temporalView.ts';
import { until } from '../support/until.ts';

const secret = (): string => `hush${randomBytes(12).toString('hex')}`;
const inHeader = secret();
const inBody = secret();
const inQuery = secret();

/** Kinds of failure by their class; what the target's last_status_code is then. */
const FAILURES = [
  ['http_status', 500],
  ['timeout', 0],
  ['connect', 0],
  ['tls', 0],
  ['dns', 0],
  ['protocol', 0],
  ['too_many_redirects', 302],
] as const;

describe('HTTP targets of a running stack', () => {
  let stack: Stack;
  let client: StackClient;
  let temporal: TemporalView;
  let farm: TargetFarm;
  let selfSigned: Awaited<ReturnType<typeof startMisbehavingServer>>;
  let babbles: Awaited<ReturnType<typeof startMisbehavingServer>>;
  const ids: Record<string, string> = {};
  const idOf = (name: string): string => ids[name] ?? '';

  beforeAll(async () => {
    [stack, farm] = await Promise.all([startStack(), startTargetFarm()]);
    client = new StackClient(stack);
    temporal = await viewTemporal(stack);
    selfSigned = await startMisbehavingServer(
      says(answer('200 OK')),
      buildCertificate({ names: ['127.0.0.1'] }),
    );
    babbles = await startMisbehavingServer(says('How do you do?\r\n\r\n'));
    farm.answer('/http_status', 500);
    farm.answer('/timeout', 'hang');
    farm.answer('/too_many_redirects', (response) => {
      response.writeHead(302, { Location: `/too_many_redirects?token=${inQuery}` }).end();
    });
    const urls: Record<string, string> = {
      up: `${farm.origin}/up`,
      http_status: `${farm.origin}/http_status`,
      timeout: `${farm.origin}/timeout`,
      connect: `http://127.0.0.1:${await refusedPort()}/`,
      tls: selfSigned.origin,
      dns: 'http://nobody.invalid/',
      protocol: babbles.origin,
      too_many_redirects: `${farm.origin}/too_many_redirects`,
    };
    const withSecrets = { method: 'POST', headers: { Authorization: `Bearer ${inHeader}` }, body: inBody };
    for (const [name, url] of Object.entries(urls)) {
      const token = url.endsWith('/') ? `?token=${inQuery}` : `/?token=${inQuery}`;
      const own = url.startsWith(farm.origin) ? `?token=${inQuery}` : token;
      ids[name] = await client.create({ name, url: url + own, timeout_seconds: 1, ...withSecrets });
    }
  }, 90_000);

  afterAll(async () => {
    await temporal.close();
    await stack.destroy();
    await Promise.all([farm.close(), selfSigned[Symbol.asyncDispose](), babbles[Symbol.asyncDispose]()]);
  }, 30_000);

  it('should check a new target at once, and say that it is up', async () => {
    const target = await client.untilStatus(idOf('up'), 'UP');
    expect(target).toMatchObject({
      is_up: true,
      is_pending: false,
      last_status_code: 200,
      last_error_message: null,
      failure_class: null,
      consecutive_failures: 0,
      workflow_id: `http-target/${target.id}`,
      uptime_24h: 1,
    });
    const [first] = await client.checks(target.id);
    expect(Date.parse(first?.started_at ?? '') - Date.parse(target.created_at)).toBeLessThan(3_000);
    expect(first).toMatchObject({ ok: true, status_code: 200, failure_class: null, kind: 'scheduled' });
    expect(first?.total_ms).toBeGreaterThanOrEqual(first?.first_byte_ms ?? Infinity);
    expect(target.status_message).toMatch(/up, 200 in \d+ ms, (next check|watched until) \d\d:\d\d:\d\d/);
  });

  it('should send what the target says: method, headers and body', () => {
    const [request] = farm.requests('/up');
    expect(request?.method).toBe('POST');
    expect(request?.url).toBe(`/up?token=${inQuery}`);
    expect(request?.headers.authorization).toBe(`Bearer ${inHeader}`);
    expect(request?.body()).toBe(inBody);
  });

  it.each(FAILURES)('should find a target DOWN: %s', async (failureClass, statusCode) => {
    const target = await client.untilStatus(idOf(failureClass), 'DOWN');
    expect(target).toMatchObject({
      is_up: false,
      failure_class: failureClass,
      last_status_code: statusCode,
      last_error_message: expect.stringMatching(/\w/),
    });
    expect(target.consecutive_failures).toBeGreaterThanOrEqual(2);
    expect(target.status_message).toMatch(/down/i);
    const rows = await client.checks(target.id);
    expect(rows.length).toBeGreaterThanOrEqual(2);
    for (const row of rows) expect(row).toMatchObject({ ok: false, failure_class: failureClass });
    // DOWN since the second failure, not since the first.
    const changedAt = Date.parse(target.last_state_change_at ?? '');
    expect(changedAt).toBeGreaterThan(slotOf(rows[0] ?? fail(target.name)));
  });

  it('should list them all with the fields of the contract', async () => {
    const { status, body } = await client.request('GET', '/http-targets');
    expect(status).toBe(200);
    const targets = ListedTargetAnswer.array().parse(body);
    expect(targets.map(({ name }) => name).sort()).toEqual(['up', ...FAILURES.map(([name]) => name)].sort());
  });

  it('should check on cadence, each slot once', async () => {
    const rows = await client.untilChecks(idOf('up'), { count: 4 });
    // The first comes at once, the second on the target's own phase, all others an interval apart.
    expect(gapsMs(rows)[0]).toBeLessThanOrEqual(5_000);
    expect(gapsMs(rows).slice(1)).toEqual(gapsMs(rows.slice(1)).map(() => 5_000));
    expect(doubledSlots(rows)).toEqual([]);
    const lateness = rows.map((row) => Date.parse(row.started_at) - slotOf(row));
    expect(Math.max(...lateness)).toBeLessThan(1_500);
    expect(farm.requests('/up').length - rows.length).toBeLessThanOrEqual(1); // one may be on its way
  });

  it('should confirm a failure after the retry interval, not the interval', async () => {
    farm.answer('/confirm', 503);
    const url = `${farm.origin}/confirm`;
    const id = await client.create({
      name: 'confirm',
      url,
      check_interval_seconds: 300,
      retry_interval_seconds: 5,
    });
    const first = await client.untilTarget(id, ({ consecutive_failures: failures }) => failures === 1);
    expect(first.status).toBe('UNKNOWN');
    const down = await client.untilStatus(id, 'DOWN');
    expect(gapsMs(await client.checks(id))).toEqual([expect.closeTo(5_000, -3)]);
    expect(Date.parse(down.next_check_at ?? '') - Date.now()).toBeGreaterThan(0);
  });

  it('should let the retry interval pass between a first failure and DOWN, for a new target too', async () => {
    const early: Record<string, number> = {};
    for (const [name] of FAILURES) {
      const [first, second] = await client.untilChecks(idOf(name), { count: 2 });
      const passed = Date.parse(second?.started_at ?? '') - Date.parse(first?.started_at ?? '');
      // 5 s by default: min(interval, 30 s); a timer may be a little early against the probe's own start.
      if (passed < 4_500) early[name] = passed;
    }
    expect(early).toEqual({});
  });

  it('should be UP again after one good check, and say since when', async () => {
    const before = await client.target(idOf('http_status'));
    farm.answer('/http_status', 200);
    const after = await client.untilStatus(before.id, 'UP');
    expect(after).toMatchObject({
      is_up: true,
      failure_class: null,
      consecutive_failures: 0,
      last_status_code: 200,
      last_error_message: null,
    });
    expect(Date.parse(after.last_state_change_at ?? '')).toBeGreaterThan(
      Date.parse(before.last_state_change_at ?? ''),
    );
    expect(after.uptime_24h).toBeGreaterThan(0);
    expect(after.uptime_24h).toBeLessThan(1);
  });

  it('should take a self-signed certificate when told so, and say when it expires', async () => {
    await client.change(idOf('tls'), { verify_tls: false });
    const target = await client.untilStatus(idOf('tls'), 'UP');
    expect(Date.parse(target.certificate_expires_at ?? '')).toBeGreaterThan(Date.now());
    expect(target.failure_class).toBeNull();
  });

  it('should show each target to ops in Temporal: by id, by status, and in words', async () => {
    const [up, down] = [`http-target/${idOf('up')}`, `http-target/${idOf('connect')}`];
    const { type, status, memo, raw } = await temporal.client.workflow.getHandle(up).describe();
    expect([type, status.name]).toEqual(['httpTarget', 'RUNNING']);
    expect(JSON.stringify(memo)).toMatch(/up, 200 in \d+ ms/);
    expect(Object.keys(raw.workflowExecutionInfo?.searchAttributes?.indexedFields ?? {})).toEqual(
      expect.arrayContaining(['MonitorKind', 'MonitorStatus', 'ClientId']),
    );
    expect(await temporal.currentDetails(up)).toMatch(
      /up, 200 in \d+ ms, (next check|watched until) \d\d:\d\d:\d\d/,
    );
    expect(await temporal.currentDetails(down)).toMatch(/down.*connect/i);
    // Visibility follows within a moment.
    await until(async () => (await temporal.ids(`MonitorStatus = 'UP'`)).includes(up));
    await until(async () => (await temporal.ids(`MonitorStatus = 'DOWN'`)).includes(down));
    expect(await temporal.ids(`MonitorStatus = 'DOWN'`)).not.toContain(up);
    expect(await temporal.ids(`WorkflowId = '${up}'`)).toEqual([up]);
  });

  it('should link to a page of the Temporal UI that exists', async () => {
    const { temporal_url: url } = await client.target(idOf('up'));
    expect(url).toContain(`:${stack.ports.temporalUi}/`);
    expect((await fetch(url)).status).toBe(200);
  });

  it('should mask header and body values in answers', async () => {
    const target = await client.target(idOf('up'));
    expect(Object.keys(target.headers ?? {})).toEqual(['Authorization']);
    expect(JSON.stringify(target)).not.toMatch(new RegExp(`${inHeader}|${inBody}`));
  });

  it('should let no secret into Temporal: header, body and query of every target', async () => {
    const everything = await temporal.everything();
    // Payloads are readable, or there would be nothing to find.
    for (const known of [`http-target/${idOf('timeout')}`, '"failureClass":"too_many_redirects"']) {
      expect({ known, isFound: everything.includes(known) }).toEqual({ known, isFound: true });
    }
    for (const value of [inHeader, inBody, inQuery]) {
      expect(
        everything
          .split(value)
          .map((part) => part.slice(-200))
          .slice(0, -1),
      ).toEqual([]);
    }
  });

  it('should leave no header or body value in logs, output or files', () => {
    for (const value of [inHeader, inBody]) {
      expect(stack.stdout() + stack.stderr()).not.toContain(value);
      expect(filesWith(value, stack.dataDir)).toEqual([]);
    }
    expect(filesWith(inQuery, `${stack.dataDir}/logs`)).toEqual([]);
  });
});

function filesWith(text: string, directory: string): string[] {
  try {
    return execFileSync('grep', ['-rlaF', '-e', text, directory], { encoding: 'utf8' }).trim().split('\n');
  } catch (error) {
    // 1: nothing found.
    if ((error as { status?: unknown }).status === 1) return [];
    throw error;
  }
}

function fail(name: string): never {
  throw new Error(`${name} has no checks.`);
}

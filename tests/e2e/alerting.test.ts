import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startMailServer, type MailServer } from '../support/mailServer.ts';
import { StackAlerting } from '../support/stackAlerting.ts';
import { StackClient } from '../support/stackClient.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { startTargetFarm, type TargetFarm } from '../support/targetFarm.ts';
import { viewTemporal } from '../support/temporalView.ts';
import { until } from '../support/until.ts';

const SECRET = 'a secret of sixteen characters';
const NOTIFICATIONS = 'notifications/00000000-0000-0000-0000-000000000001';
const TOLD_WITHIN_MS = 30_000;

describe('targets that break, and the people who hear of it', () => {
  let stack: Stack;
  let client: StackClient;
  let alerting: StackAlerting;
  let farm: TargetFarm;
  let mails: MailServer;
  const channels: Record<string, string> = {};
  const targets: Record<string, string> = {};

  beforeAll(async () => {
    [farm, mails] = await Promise.all([startTargetFarm(), startMailServer()]);
    farm.answer('/slack', 200);
    farm.answer('/hook', 204);
    stack = await startStack({
      env: {
        ALERT_GROUP_WAIT_SECONDS: '3',
        SMTP_URL: mails.url,
        SMTP_FROM: 'Monitoring <monitoring@example.com>',
      },
    });
    connect();
    // The seed names an address of its own.
    await client.request('PUT', '/settings', { notification_email: null });
    channels['slack'] = await alerting.createChannel('slack', { webhook_url: `${farm.origin}/slack` });
    channels['email'] = await alerting.createChannel('email', { to: 'ops@example.com' });
    channels['webhook'] = await alerting.createChannel('webhook', {
      url: `${farm.origin}/hook`,
      secret: SECRET,
    });
    for (const name of ['shop', 'api']) {
      targets[name] = await client.create({ name, url: `${farm.origin}/${name}`, retry_interval_seconds: 1 });
      await client.untilStatus(targets[name], 'UP');
    }
  }, 120_000);

  afterAll(async () => {
    await stack.destroy();
    await Promise.all([farm.close(), mails.close()]);
  }, 30_000);

  function connect(): void {
    client = new StackClient(stack);
    alerting = new StackAlerting(client);
  }

  const events = (path: string): string[] =>
    farm
      .requests(path)
      .map(({ headers }) => headers['x-monitoring-event'])
      .filter((event) => typeof event === 'string');

  it('should try a channel at once', async () => {
    for (const id of Object.values(channels)) {
      const answer = await client.request('POST', `/channels/${id}/test`);
      expect(answer).toMatchObject({ status: 200, body: { status: 'success', event: 'test', attempts: 1 } });
    }
    expect(farm.requests('/slack')).toHaveLength(1);
    expect(events('/hook')).toEqual(['test']);
    expect(mails.received().map(({ subject }) => subject)).toEqual([expect.stringContaining('TEST')]);
  });

  it('should show no secret of a channel', async () => {
    const { status, body } = await client.request('GET', '/channels');
    expect(status).toBe(200);
    const text = JSON.stringify(body);
    expect(text).toContain('Webhook');
    expect(text).not.toContain(SECRET);
    expect(text).not.toContain('/slack');
    expect(text).not.toContain('/hook');
  });

  it('should tell each channel once of what broke together', async () => {
    farm.answer('/shop', 500);
    farm.answer('/api', 503);
    // Both at once, whenever their slots come.
    await Promise.all(
      Object.values(targets).map((id) => client.checkUntil(id, ({ status }) => status === 'DOWN')),
    );
    await until(() => events('/hook').includes('opened'), { withinMs: TOLD_WITHIN_MS, what: 'a message' });
    await until(() => mails.received().length === 2, { withinMs: TOLD_WITHIN_MS, what: 'a mail' });
    await until(() => farm.requests('/slack').length === 2, { withinMs: TOLD_WITHIN_MS, what: 'Slack' });

    const firing = await alerting.alerts('status=firing');
    expect(firing.map(({ http_target_id: id }) => id).sort()).toEqual(Object.values(targets).sort());
    for (const alert of firing) {
      expect(alert).toMatchObject({ status: 'FIRING', severity: 'critical', source: 'http_target' });
      expect(alert.message).toMatch(/(shop|api) is down: .*50[03]/);
      expect(alert.temporal_url).toContain(encodeURIComponent(`http-target/${alert.http_target_id ?? ''}`));
    }
    const incidents = await alerting.incidents();
    expect(incidents).toHaveLength(1);
    expect(incidents[0]).toMatchObject({ status: 'OPEN', incident_number: 1, alerts_count: 2 });

    const [, message] = farm.requests('/hook');
    const timestamp = String(message?.headers['x-monitoring-timestamp']);
    const signature = createHmac('sha256', SECRET).update(`${timestamp}.${message?.body()}`).digest('hex');
    expect(message?.headers['x-monitoring-signature']).toBe(`sha256=${signature}`);
    expect(JSON.parse(message?.body() ?? '')).toMatchObject({
      ...{ event: 'opened', attempt: 1, possible_duplicate: false, severity: 'critical' },
      counts: { firing: 2, acknowledged: 0, resolved: 0, more: 0 },
      incident: { id: incidents[0]?.id, number: 1 },
    });
    expect(farm.requests('/slack')[1]?.body()).toContain('shop is down');
    expect(mails.received()[1]).toMatchObject({ to: ['ops@example.com'] });
    expect(mails.received()[1]?.subject).toContain('(#1)');
  });

  it('should show an acknowledgement with who and why', async () => {
    const [alert] = await alerting.alerts('status=firing');
    const answer = await client.request('POST', `/alerts/${alert?.id ?? ''}/acknowledge`, { note: 'on it' });
    expect(answer).toMatchObject({ status: 200, body: { status: 'ACKNOWLEDGED' } });
    const [incident] = await alerting.incidents();
    await until(
      async () =>
        (await alerting.incident(incident?.id ?? '')).timeline.some(({ text }) => text.includes('on it')),
      { what: 'the note in the timeline' },
    );
    const { timeline } = await alerting.incident(incident?.id ?? '');
    expect(timeline[0]).toMatchObject({ kind: 'opened' });
    expect(timeline.filter(({ kind }) => kind === 'notification')).toHaveLength(3);
  });

  it('should tell nothing again after everything was killed, and the end to those who got the beginning', async () => {
    farm.answer('/slack', 503);
    stack.stop('SIGKILL').catch(() => undefined); // make; what it has started is killed one by one
    for (const { pid } of Object.values(stack.processes())) process.kill(pid, 'SIGKILL');
    await stack.exited;
    stack = await startStack({
      ...{ dataDir: stack.dataDir, ports: stack.ports },
      env: {
        ALERT_GROUP_WAIT_SECONDS: '3',
        SMTP_URL: mails.url,
        SMTP_FROM: 'Monitoring <monitoring@example.com>',
      },
    });
    connect();
    for (const id of Object.values(targets)) await client.untilChecks(id, { count: 2, after: Date.now() });
    expect(events('/hook')).toEqual(['test', 'opened']);

    farm.answer('/shop', 200);
    farm.answer('/api', 200);
    await until(() => events('/hook').includes('resolved'), { withinMs: TOLD_WITHIN_MS, what: 'the end' });
    await until(() => mails.received().length === 3, { withinMs: TOLD_WITHIN_MS, what: 'its mail' });
    const [first, last] = mails.received().slice(1);
    expect(last?.inReplyTo).toBe(first?.messageId);
    expect(await alerting.alerts('status=firing')).toEqual([]);
    await until(async () => (await alerting.incidents())[0]?.status === 'RESOLVED', { what: 'the end' });
    expect(await alerting.incidents()).toHaveLength(1);

    // Slack is away; what it has not taken waits, and says why.
    const waiting = () => alerting.notifications('status=pending');
    await until(async () => (await waiting())[0]?.error_message !== null, { what: 'a reason' });
    expect(await waiting()).toMatchObject([
      {
        provider: 'slack',
        event: 'resolved',
        status: 'pending',
        error_message: expect.stringContaining('503'),
      },
    ]);
    farm.answer('/slack', 204);
    await until(async () => (await waiting()).length === 0, { withinMs: TOLD_WITHIN_MS, what: 'Slack' });
    expect(events('/hook')).toEqual(['test', 'opened', 'resolved']);
    expect(mails.received()).toHaveLength(3);
  }, 180_000);

  it('should say in the Temporal UI what it is doing, and no secret', async () => {
    const temporal = await viewTemporal(stack);
    try {
      expect(await temporal.ids(`MonitorKind = 'notifications' AND MonitorStatus = 'QUIET'`)).toEqual([
        NOTIFICATIONS,
      ]);
      const everything = await temporal.everything();
      expect(everything).toContain('resolved #1');
      expect(everything).not.toContain(SECRET);
      expect(everything).not.toContain('/hook');
      expect(everything).not.toContain('ops@example.com');
    } finally {
      await temporal.close();
    }
  });
});

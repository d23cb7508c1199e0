import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AlertedClient, HOUR, MINUTE, SECOND } from '../../support/alertedClient.ts';
import type { Target } from '../../../src/db/repositories/httpTargetRow.ts';

let client: AlertedClient;
let shop: Target;
beforeEach(async () => {
  client = await AlertedClient.open({ alertGroupingEnabled: false });
  shop = await client.create({ name: 'shop' });
});
afterEach(() => client.close());

const said = async () => (await client.said()).map(({ what, atMs }) => `${atMs / MINUTE} ${what}`);

async function acknowledge(expiresInMs: number | null = null): Promise<void> {
  const { items } = await client.alerts().list({ status: 'firing', limit: 10 });
  for (const { id } of items) {
    const expiresAt = expiresInMs === null ? null : new Date(client.now + expiresInMs);
    await client.alerts().acknowledge(id, { note: 'on it', expiresAt }, client.now);
  }
}

describe('reminders', () => {
  it('are off by default', async () => {
    await client.turn('down', shop);
    await client.pass(24 * HOUR);
    expect(await said()).toEqual(['0 hook: opened']);
  });

  it('come again and again while nobody acknowledges, and end with the incident', async () => {
    await client.set({ reminderNotificationSeconds: 600 });
    await client.turn('down', shop);
    await client.pass(25 * MINUTE);
    await client.turn('up', shop);
    await client.pass(HOUR);
    expect(await said()).toEqual([
      ...['0 hook: opened', '10 hook: reminder', '20 hook: reminder', '25 hook: resolved'],
    ]);
  });

  it('end when somebody acknowledges', async () => {
    await client.set({ reminderNotificationSeconds: 600 });
    await client.turn('down', shop);
    await client.pass(15 * MINUTE);
    await acknowledge();
    await client.pass(HOUR);
    expect(await said()).toEqual(['0 hook: opened', '10 hook: reminder']);
    expect((await client.timeline()).join('\n')).toContain('shop: acknowledged: on it');
  });

  it('begin anew, and people hear of it, when an acknowledgement runs out', async () => {
    await client.set({ reminderNotificationSeconds: 600 });
    await client.turn('down', shop);
    await client.pass(MINUTE);
    await acknowledge(30 * MINUTE);
    await client.pass(45 * MINUTE);
    expect(await said()).toEqual(['0 hook: opened', '31 hook: updated', '41 hook: reminder']);
    const { items } = await client.alerts().list({ limit: 10 });
    expect(items).toMatchObject([{ status: 'firing', acknowledgedAt: null, acknowledgedBy: null }]);
  });

  it('come where they are switched on while something is open', async () => {
    await client.turn('down', shop);
    await client.pass(5 * MINUTE);
    await client.set({ reminderNotificationSeconds: 600 });
    await client.pass(6 * MINUTE);
    expect(await said()).toEqual(['0 hook: opened', '10 hook: reminder']);
  });
});

describe('an escalation chain', () => {
  beforeEach(async () => {
    await client.addChannel('lead', { escalationMinutes: 15 });
    await client.addChannel('boss', { escalationMinutes: 30 });
  });

  it('calls the next ones while nobody acknowledges, each once, and tells all of the end', async () => {
    await client.turn('down', shop);
    await client.pass(2 * HOUR);
    await client.turn('up', shop);
    await client.pass(HOUR);
    expect(await said()).toEqual([
      ...['0 hook: opened', '15 lead: escalated', '30 boss: escalated'],
      ...['120 boss: resolved', '120 hook: resolved', '120 lead: resolved'],
    ]);
  });

  it('goes no further when somebody acknowledges, and those who were not called hear nothing', async () => {
    await client.turn('down', shop);
    await client.pass(20 * MINUTE);
    await acknowledge();
    await client.pass(HOUR);
    await client.turn('up', shop);
    await client.pass(MINUTE);
    expect(await said()).toEqual([
      ...['0 hook: opened', '15 lead: escalated', '80 hook: resolved', '80 lead: resolved'],
    ]);
  });
});

describe('the rules of a channel', () => {
  it('keep away what it does not take, the end included', async () => {
    await client.addChannel('warnings', { severities: ['info', 'warning'] });
    await client.addChannel('machines', { sources: ['heartbeat'] });
    await client.addChannel('targets', { sources: ['http_target'], severities: ['critical'] });
    await client.turn('down', shop);
    await client.pass(MINUTE);
    await client.turn('up', shop);
    await client.pass(MINUTE);
    expect(await said()).toEqual([
      ...['0 hook: opened', '0 targets: opened', '1 hook: resolved', '1 targets: resolved'],
    ]);
  });

  it('say it in the timeline where nobody takes it', async () => {
    const { items } = await client.channels().list({ limit: 10 });
    for (const { id } of items) await client.channels().delete(id);
    await client.turn('down', shop);
    await client.pass(MINUTE);
    expect(await said()).toEqual([]);
    expect((await client.timeline()).at(-1)).toBe('Nobody was told (opened): no channel takes it');
  });

  it('do not count for a channel that is switched off, or made later', async () => {
    const id = await client.addChannel('quiet', { isActive: false });
    await client.turn('down', shop);
    await client.pass(MINUTE);
    await client.addChannel('late');
    await client.channels().update(id, (current) => ({ ...current, isActive: true }));
    await client.turn('up', shop);
    await client.pass(MINUTE);
    expect(await said()).toEqual(['0 hook: opened', '1 hook: resolved']);
  });
});

describe('settings', () => {
  it('keep the end to themselves where nobody wants to hear of it', async () => {
    await client.set({ notifyOnResolve: false });
    await client.turn('down', shop);
    await client.pass(MINUTE);
    await client.turn('up', shop);
    await client.pass(HOUR);
    expect(await said()).toEqual(['0 hook: opened']);
    expect(await client.incidents()).toMatchObject([{ status: 'resolved' }]);
  });

  it('give a grace period, in which what passes by itself is told nobody', async () => {
    await client.set({ gracePeriodSeconds: 120 });
    await client.turn('down', shop);
    await client.pass(MINUTE);
    await client.turn('up', shop);
    await client.pass(11 * MINUTE);
    expect(await said()).toEqual([]);
    await client.turn('down', shop);
    await client.pass(5 * MINUTE);
    expect(await said()).toEqual(['14 hook: opened']);
  });

  it('name a mail address that is a channel as well', async () => {
    await client.set({ notificationEmail: 'ops@example.com' });
    await client.turn('down', shop);
    await client.pass(SECOND);
    expect(await said()).toEqual(['0 hook: opened', '0 o•••@example.com: opened']);
  });
});

describe('an alert that is resolved by hand', () => {
  it('stays so while the fault lasts, and fires when it comes back', async () => {
    await client.turn('down', shop);
    await client.pass(MINUTE);
    const { items } = await client.alerts().list({ limit: 10 });
    await client.alerts().resolve(items[0]?.id ?? '', 'known', client.now);
    await client.pass(MINUTE);
    expect(await said()).toEqual(['0 hook: opened', '1 hook: resolved']);
    await client.turn('up', shop);
    await client.pass(20 * MINUTE);
    expect(await client.said()).toHaveLength(2);
    await client.turn('down', shop);
    await client.pass(MINUTE);
    expect((await said()).at(-1)).toBe('22 hook: opened');
  });
});

describe('a target that is paused while it is down', () => {
  it('is over with it, and alerts anew when it is down after it was resumed', async () => {
    const setActive = (isActive: boolean) =>
      client.db.targets().update(shop.id, (target) => ({ ...target, isActive }));
    await client.turn('down', shop);
    await client.pass(MINUTE);
    await setActive(false);
    await client.pass(MINUTE);
    expect(await said()).toEqual(['0 hook: opened', '1 hook: resolved']);
    expect((await client.timeline()).join('\n')).toContain('shop: the target was paused');
    await setActive(true);
    await client.pass(20 * MINUTE);
    await client.turn('down', shop);
    await client.pass(MINUTE);
    expect((await said()).slice(2)).toEqual(['22 hook: opened']);
  });
});

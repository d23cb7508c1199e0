import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AlertedClient, GROUP_WAIT_SECONDS, HOUR, MINUTE, SECOND } from '../../support/alertedClient.ts';

const GROUP_WAIT = GROUP_WAIT_SECONDS * SECOND;

let client: AlertedClient;
beforeEach(async () => {
  client = await AlertedClient.open();
});
afterEach(() => client.close());

const said = async () => (await client.said()).map(({ what }) => what);

describe('alerts that open within the grouping window', () => {
  it('are one incident and one message, after the group wait', async () => {
    const [shop, api] = [await client.create({ name: 'shop' }), await client.create({ name: 'api' })];
    await client.turn('down', shop);
    await client.pass(10 * SECOND);
    await client.turn('down', api);
    await client.pass(MINUTE);
    expect(await client.said()).toEqual([{ what: 'hook: opened', atMs: GROUP_WAIT }]);
    expect(await client.incidents()).toEqual([
      { number: 1, status: 'open', alerts: 2, title: '2 alerts: shop and api', is_flapping: false },
    ]);
  });

  it('wait for a third of the group wait after the last, three times as long at most', async () => {
    const targets = await Promise.all(Array.from({ length: 12 }, () => client.create()));
    for (const target of targets) {
      await client.turn('down', target);
      await client.pass(9 * SECOND);
    }
    await client.pass(MINUTE);
    expect(await client.said()).toEqual([
      { what: 'hook: opened', atMs: 3 * GROUP_WAIT },
      { what: 'hook: updated', atMs: expect.any(Number) },
    ]);
    expect(await client.incidents()).toMatchObject([{ alerts: 12 }]);
  });

  it('join it until the window is over, and are another one then', async () => {
    await client.set({ alertGroupingWindowSeconds: 120 });
    const [first, second, third] = [await client.create(), await client.create(), await client.create()];
    await client.turn('down', first);
    await client.pass(2 * MINUTE);
    await client.turn('down', second);
    await client.pass(2 * MINUTE);
    await client.turn('down', third);
    await client.pass(2 * MINUTE);
    expect(await said()).toEqual(['hook: opened', 'hook: updated', 'hook: opened']);
    expect(await client.incidents()).toMatchObject([{ alerts: 2 }, { alerts: 1 }]);
  });

  it('are one message a channel in a storm of a thousand', async () => {
    for (const name of ['second', 'third']) await client.addChannel(name);
    const targets = await Promise.all(Array.from({ length: 1_000 }, () => client.create()));
    for (let index = 0; index < targets.length; index += 50) {
      await client.turn('down', ...targets.slice(index, index + 50));
      await client.pass(3 * SECOND);
    }
    await client.pass(HOUR);
    expect(await said()).toEqual(['hook: opened', 'second: opened', 'third: opened']);
    expect(await client.incidents()).toMatchObject([{ number: 1, alerts: 1_000 }]);
    await client.turn('up', ...targets);
    await client.pass(HOUR);
    expect((await said()).slice(3)).toEqual(['hook: resolved', 'second: resolved', 'third: resolved']);
  }, 60_000);
});

describe('alerts that are not grouped', () => {
  it('are an incident each, told at once', async () => {
    await client.set({ alertGroupingEnabled: false });
    const [shop, api] = [await client.create({ name: 'shop' }), await client.create({ name: 'api' })];
    await client.turn('down', shop, api);
    await client.plan();
    expect(await client.said()).toEqual([
      { what: 'hook: opened', atMs: 0 },
      { what: 'hook: opened', atMs: 0 },
    ]);
    expect(await client.incidents()).toMatchObject([{ alerts: 1 }, { alerts: 1 }]);
  });
});

describe('an incident', () => {
  it('is over with the last of its alerts, which is told at once', async () => {
    const [shop, api] = [await client.create({ name: 'shop' }), await client.create({ name: 'api' })];
    await client.turn('down', shop, api);
    await client.pass(MINUTE);
    await client.turn('up', shop);
    await client.pass(MINUTE);
    expect(await client.incidents()).toMatchObject([{ status: 'open' }]);
    await client.turn('up', api);
    await client.pass(SECOND);
    expect(await client.said()).toEqual([
      { what: 'hook: opened', atMs: GROUP_WAIT },
      { what: 'hook: resolved', atMs: 2 * MINUTE },
    ]);
    expect(await client.incidents()).toMatchObject([{ status: 'resolved' }]);
    await client.pass(24 * HOUR);
    expect(await client.said()).toHaveLength(2);
  });

  it('that was over before its first message is told nobody', async () => {
    const shop = await client.create();
    await client.turn('down', shop);
    await client.pass(20 * SECOND);
    await client.turn('up', shop);
    await client.pass(HOUR);
    expect(await client.said()).toEqual([]);
    expect(await client.incidents()).toMatchObject([{ status: 'resolved' }]);
    expect((await client.timeline()).at(-1)).toContain('nobody was told');
  });

  it('that nobody has heard of is opened to people, also where it failed before', async () => {
    const shop = await client.create();
    await client.turn('down', shop);
    await client.pass(10 * SECOND);
    await client.turn('up', shop);
    await client.pass(MINUTE);
    await client.turn('down', shop);
    await client.pass(MINUTE);
    expect(await said()).toEqual(['hook: opened']);
  });

  it('is reopened when its source fails again within ten minutes, and is another one afterwards', async () => {
    const shop = await client.create();
    await client.turn('down', shop);
    await client.pass(MINUTE);
    await client.turn('up', shop);
    await client.pass(10 * MINUTE);
    await client.turn('down', shop);
    await client.pass(MINUTE);
    expect(await said()).toEqual(['hook: opened', 'hook: resolved', 'hook: reopened']);
    await client.turn('up', shop);
    await client.pass(11 * MINUTE);
    await client.turn('down', shop);
    await client.pass(MINUTE);
    expect((await said()).slice(3)).toEqual(['hook: resolved', 'hook: opened']);
    expect(await client.incidents()).toMatchObject([{ alerts: 2, status: 'resolved' }, { alerts: 1 }]);
  });

  it('is flapping when it is reopened the third time: says so once, and is silent until an hour of quiet', async () => {
    const shop = await client.create();
    const flap = async () => {
      await client.turn('down', shop);
      await client.pass(2 * MINUTE);
      await client.turn('up', shop);
      await client.pass(2 * MINUTE);
    };
    for (let times = 0; times < 8; times += 1) await flap();
    expect(await said()).toEqual([
      ...[
        'hook: opened',
        'hook: resolved',
        'hook: reopened',
        'hook: resolved',
        'hook: reopened',
        'hook: resolved',
      ],
      'hook: flapping',
    ]);
    expect(await client.incidents()).toMatchObject([{ status: 'open', is_flapping: true, alerts: 8 }]);
    await client.pass(57 * MINUTE);
    expect(await client.incidents()).toMatchObject([{ status: 'open', is_flapping: true }]);
    await client.pass(2 * MINUTE);
    expect(await client.incidents()).toMatchObject([{ status: 'resolved', is_flapping: false }]);
    expect((await said()).slice(7)).toEqual(['hook: resolved']);
  });

  it('is not flapping where several sources fail again together once', async () => {
    const targets = await Promise.all(Array.from({ length: 5 }, () => client.create()));
    for (const status of ['down', 'up', 'down'] as const) {
      await client.turn(status, ...targets);
      await client.pass(2 * MINUTE);
    }
    expect(await said()).toEqual(['hook: opened', 'hook: resolved', 'hook: reopened']);
    expect(await client.incidents()).toMatchObject([{ is_flapping: false, alerts: 10 }]);
  });

  it('is flapping where one source fails again and again while another keeps it open', async () => {
    const [shop, api] = [await client.create(), await client.create()];
    await client.turn('down', shop, api);
    await client.pass(2 * MINUTE);
    for (let times = 0; times < 4; times += 1) {
      await client.turn('up', shop);
      await client.pass(MINUTE);
      await client.turn('down', shop);
      await client.pass(MINUTE);
    }
    expect(await said()).toEqual(['hook: opened', 'hook: updated', 'hook: updated', 'hook: flapping']);
  });

  it('is flapping also when its source still fails after an hour without a change: that is told again', async () => {
    const shop = await client.create();
    for (let times = 0; times < 4; times += 1) {
      if (times > 0) await client.turn('up', shop);
      await client.pass(2 * MINUTE);
      await client.turn('down', shop);
      await client.pass(2 * MINUTE);
    }
    expect((await said()).at(-1)).toBe('hook: flapping');
    await client.pass(2 * HOUR);
    expect(await client.incidents()).toMatchObject([{ status: 'open', is_flapping: false }]);
    await client.turn('up', shop);
    await client.pass(MINUTE);
    expect((await said()).at(-1)).toBe('hook: resolved');
  });
});

describe('a target with a very long name', () => {
  it('is told, also where a headline ends in the middle of an emoji', async () => {
    await client.turn('down', await client.create({ name: `${'x'.repeat(198)}🔥` }));
    await client.pass(MINUTE);
    expect(await said()).toEqual(['hook: opened']);
    expect(await client.incidents()).toMatchObject([{ title: `${'x'.repeat(198)}…` }]);
  });
});

describe('a look that dies, or comes twice', () => {
  it('leaves nothing half done: the next one does it all', async () => {
    const shop = await client.create();
    await client.turn('down', shop);
    await client.plan();
    client.now += GROUP_WAIT;
    await expect(
      client.plan((point) => {
        if (point === 'plan.beforeCommit') throw new Error('died');
      }),
    ).rejects.toThrow('died');
    expect(await client.said()).toEqual([]);
    await client.pass(SECOND);
    expect(await said()).toEqual(['hook: opened']);
  });

  it('says each thing once, however many look at the same time', async () => {
    const targets = await Promise.all(Array.from({ length: 20 }, () => client.create()));
    await client.set({ alertGroupingEnabled: false });
    await client.turn('down', ...targets);
    await Promise.all(Array.from({ length: 6 }, () => client.plan()));
    expect(await client.said()).toHaveLength(20);
    expect((await client.incidents()).map(({ number }) => number)).toEqual(
      targets.map((_, index) => index + 1),
    );
  });
});

describe('a storm in which everything happens at the same time', () => {
  it('lets nobody wait in a circle: checks are stored, and people are told', async () => {
    const targets = await Promise.all(Array.from({ length: 200 }, () => client.create()));
    const part = (index: number) => targets.filter((_, of) => of % 4 === index % 4).toReversed();
    const turning = async (index: number) => {
      for (let times = 0; times < 30; times += 1) {
        await client.turn(times % 2 === 0 ? 'down' : 'up', ...part(index));
      }
    };
    const planning = async () => {
      for (let times = 0; times < 60; times += 1) {
        client.now += GROUP_WAIT;
        await client.plan();
      }
    };
    const acknowledging = async () => {
      for (let times = 0; times < 60; times += 1) {
        const { items } = await client.alerts().list({ limit: 20 });
        for (const { id } of items) {
          await client
            .alerts()
            .acknowledge(id, { note: null, expiresAt: new Date(client.now + SECOND) }, client.now);
        }
      }
    };
    await Promise.all([...[0, 1, 2, 3].map(turning), planning(), acknowledging()]);
    await client.pass(2 * HOUR);
    const incidents = await client.incidents();
    expect(incidents.map(({ status }) => status)).toEqual(incidents.map(() => 'resolved'));
    // Four times fifty targets that were down fifteen times each.
    expect(incidents.reduce((sum, { alerts }) => sum + alerts, 0)).toBe(3_000);
  }, 60_000);
});

import { describe, expect, it } from '@jest/globals';
import {
  CHANNEL_TYPES,
  findChannelType,
  maskedConfig,
  mergedConfig,
  sendThrough,
} from '../../../src/channels/channelTypes.ts';
import { buildContext, buildDelivery } from '../../support/buildDelivery.ts';

const WEBHOOK = {
  url: 'https://hooks.example:8443/in/token?key=1',
  secret: 'sixteen letters or more',
  headers: { Authorization: 'Bearer 0123456789', 'X-Short': 'short' },
};
const MASKED = {
  url: 'https://hooks.example:8443/••••',
  secret: '••••more',
  headers: { Authorization: '••••6789', 'X-Short': '••••' },
};
const SLACK = { webhook_url: 'https://hooks.slack.example/services/T0/B0/secret', channel_name: '#ops' };

describe('secrets', () => {
  it('are masked in answers, all else is not', () => {
    expect(maskedConfig('webhook', WEBHOOK)).toEqual(MASKED);
    expect(maskedConfig('slack', SLACK)).toEqual({
      webhook_url: 'https://hooks.slack.example/••••',
      channel_name: '#ops',
    });
    expect(maskedConfig('email', { to: ['a@example.com'] })).toEqual({ to: ['a@example.com'] });
  });

  it('are not shown where nobody knows what is one', () => {
    expect(maskedConfig('pager', { token: 'secret' })).toEqual({});
  });

  it('stay what they are when their masks come back', () => {
    expect(mergedConfig('webhook', WEBHOOK, MASKED)).toEqual({ config: WEBHOOK, strayMasks: [] });
  });

  it('are replaced, added and removed one by one', () => {
    const sent = {
      url: 'https://other.example/',
      headers: { authorization: '••••6789', 'X-New': 'new' },
    };
    expect(mergedConfig('webhook', WEBHOOK, sent)).toEqual({
      config: {
        url: 'https://other.example/',
        headers: { authorization: 'Bearer 0123456789', 'X-New': 'new' },
      },
      strayMasks: [],
    });
  });

  it('cannot be masks of something else', () => {
    const sent = {
      url: 'https://other.example/••••',
      secret: '••••',
      headers: { 'X-Unknown': '••••' },
    };
    expect(mergedConfig('webhook', WEBHOOK, sent).strayMasks).toEqual([
      ['url'],
      ['secret'],
      ['headers', 'X-Unknown'],
    ]);
    expect(mergedConfig('webhook', null, MASKED).strayMasks).toHaveLength(4);
  });

  it.each([null, 'text', [1], 7])('are not looked for in %p, which the schema refuses', (sent) => {
    expect(mergedConfig('webhook', WEBHOOK, sent)).toEqual({ config: sent, strayMasks: [] });
  });
});

describe('channel types', () => {
  it('are found by name', () => {
    expect(CHANNEL_TYPES.map(({ type }) => type)).toEqual(['slack', 'email', 'webhook']);
    expect(findChannelType('constructor')).toBeNull();
  });

  it.each([
    ['slack', SLACK, 'https://hooks.slack.example/…'],
    ['email', { to: 'ada@example.com' }, 'a•••@example.com'],
    ['email', { to: ['ada@example.com', 'b@example.com'] }, 'a•••@example.com and 1 more'],
    ['webhook', WEBHOOK, 'https://hooks.example:8443/…'],
  ])('%s says where %p leads without its secrets', (type, config, recipient) => {
    expect(findChannelType(type)?.recipient(config)).toBe(recipient);
  });

  it.each([
    ['slack', { webhook_url: 'ftp://hooks.example/' }],
    ['slack', { webhook_url: 'https://user:password@hooks.example/' }],
    ['slack', { webhook_url: 'https://hooks.example/a b' }],
    ['slack', { webhook_url: 'https://hooks.example/', color: 'red' }],
    ['slack', {}],
    ['email', { to: [] }],
    ['email', { to: 'nobody' }],
    ['email', { to: ['ada@example.com\r\nBcc: b@example.com'] }],
    ['email', { to: Array.from({ length: 21 }, (_, index) => `a${index}@example.com`) }],
    ['webhook', { url: 'https://hooks.example/', secret: 'short' }],
    ['webhook', { url: 'https://hooks.example/', headers: { 'X-Token': 7 } }],
  ])('%s takes no %p', (type, config) => {
    expect(findChannelType(type)?.schema.safeParse(config).success).toBe(false);
  });

  it('give out configs that they take again, as they are stored', () => {
    for (const [type, config] of [
      ['slack', SLACK],
      ['email', { to: ['a@example.com', 'a@example.com'] }],
      ['webhook', WEBHOOK],
    ] as const) {
      const schema = findChannelType(type)?.schema;
      const stored = schema?.parse(config);
      expect(schema?.parse(JSON.parse(JSON.stringify(stored)))).toEqual(stored);
    }
  });
});

describe('sending', () => {
  it('is tried again where another worker may know the type', async () => {
    expect(await sendThrough('pager', {}, buildDelivery(), buildContext())).toEqual({
      kind: 'failed',
      error: 'This worker does not know channels of type "pager"',
      answer: null,
      retryAfterMs: null,
    });
  });

  it('is refused with a config that cannot be used, of which only the place is told', async () => {
    const config = { webhook_url: 'https://hooks.example/secret secret' };
    expect(await sendThrough('slack', config, buildDelivery(), buildContext())).toEqual({
      kind: 'refused',
      error: 'The configuration of this slack channel cannot be used: webhook_url',
      answer: null,
    });
  });

  it('does nothing to Slack where that is only played', async () => {
    const outcome = await sendThrough('slack', SLACK, buildDelivery(), buildContext({ stubSlack: true }));
    expect(outcome).toEqual({ kind: 'sent', answer: 'stub: not sent (STUB_SLACK)' });
  });

  it('names the channel to Slack only where one is given', async () => {
    const bodies: unknown[] = [];
    const context = buildContext({
      post: ({ body }) => {
        bodies.push(JSON.parse(body));
        return Promise.resolve({ kind: 'sent', answer: 'HTTP 200 ok' });
      },
    });
    await sendThrough('slack', SLACK, buildDelivery(), context);
    await sendThrough('slack', { webhook_url: SLACK.webhook_url }, buildDelivery(), context);
    expect(bodies[0]).toHaveProperty('channel', '#ops');
    expect(bodies[1]).not.toHaveProperty('channel');
  });

  it('skips mail where no server is set', async () => {
    expect(await sendThrough('email', { to: 'ada@example.com' }, buildDelivery(), buildContext())).toEqual({
      kind: 'skipped',
      status: 'skipped_not_configured',
      error: 'SMTP_URL is not set',
    });
  });
});

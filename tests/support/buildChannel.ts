import type { ChannelDefinition } from '../../src/db/repositories/channelRow.ts';
import { SEVERITIES } from '../../src/domain/alert.ts';

let made = 0;

/** What a client posts to create a webhook channel; each has a name of its own. */
export function buildChannelBody(overrides: Readonly<Record<string, unknown>> = {}) {
  made += 1;
  return {
    type: 'webhook',
    name: `Channel ${made}`,
    config: { url: `https://hooks.example.com/path-secret-${made}` },
    ...overrides,
  };
}

/** A webhook that takes everything, as it is stored. */
export function buildChannel(overrides: Partial<ChannelDefinition> = {}): ChannelDefinition {
  return {
    name: 'hook',
    config: { url: 'https://hooks.example.com/path-secret' },
    recipient: 'https://hooks.example.com/…',
    severities: SEVERITIES,
    sources: null,
    escalationMinutes: 0,
    isActive: true,
    ...overrides,
  };
}

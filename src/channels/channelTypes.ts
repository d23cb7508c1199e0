import type { z } from 'zod';
import type { ChannelContext, ChannelType, Delivery, SendOutcome } from './channel.ts';
import { email } from './email.ts';
import { maskConfig, mergeConfig, type ChannelConfig, type Merged, type SecretFields } from './masking.ts';
import { slack } from './slack.ts';
import { webhook } from './webhook.ts';

/** A type of channel as those see it who do not know its config: that is parsed each time. */
export interface RegisteredChannelType extends SecretFields {
  readonly type: string;
  /** Of what users send. Its output is stored, and can be parsed again. */
  readonly schema: z.ZodType<ChannelConfig>;
  /** Where messages go, masked. @throws ZodError when the config is not one of this type */
  readonly recipient: (config: unknown) => string;
  readonly send: (config: unknown, delivery: Delivery, context: ChannelContext) => Promise<SendOutcome>;
}

/** All there are; a new one is added here and nowhere else. */
export const CHANNEL_TYPES: readonly RegisteredChannelType[] = [
  registered(slack),
  registered(email),
  registered(webhook),
];

/** @returns null for a type that is not known */
export function findChannelType(type: string): RegisteredChannelType | null {
  return CHANNEL_TYPES.find((known) => known.type === type) ?? null;
}

/**
 * Sends through a channel whose config was read from the database. Never throws for what a provider does.
 *
 * @param config opened, not checked
 */
export async function sendThrough(
  type: string,
  config: unknown,
  delivery: Delivery,
  context: ChannelContext,
): Promise<SendOutcome> {
  const known = findChannelType(type);
  if (known !== null) return known.send(config, delivery, context);
  // A newer worker may know it.
  const error = `This worker does not know channels of type "${type}"`;
  return { kind: 'failed', error, answer: null, retryAfterMs: null };
}

/** A config as answers show it; what is known of no type is shown not at all. */
export function maskedConfig(type: string, config: ChannelConfig): ChannelConfig {
  const known = findChannelType(type);
  return known === null ? {} : maskConfig(config, known);
}

/**
 * What was sent as `config`, with the stored secret wherever its mask was sent back. To be parsed by the schema after.
 *
 * @param stored the config as it is now, opened; null for a new channel
 */
export function mergedConfig(type: string, stored: ChannelConfig | null, sent: unknown): Merged {
  const known = findChannelType(type);
  return known === null ? { config: sent, strayMasks: [] } : mergeConfig(stored, sent, known);
}

function registered<Config extends ChannelConfig>(channelType: ChannelType<Config>): RegisteredChannelType {
  const { type, config: schema, secretFields, urlFields } = channelType;
  return {
    ...{ type, schema, secretFields, urlFields },
    recipient: (config) => channelType.recipient(schema.parse(config)),
    send: async (config, delivery, context) => {
      const parsed = schema.safeParse(config);
      if (parsed.success) return channelType.send(delivery, parsed.data, context);
      // Only where it is wrong: what is wrong may be a secret.
      const fields = new Set(parsed.error.issues.map(({ path }) => path.join('.')));
      const error = `The configuration of this ${type} channel cannot be used: ${[...fields].join(', ')}`;
      return { kind: 'refused', error, answer: null };
    },
  };
}

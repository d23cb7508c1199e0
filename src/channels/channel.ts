import type { z } from 'zod';
import type { IncidentMessage } from '../domain/incidentMessage.ts';
import type { PostJson } from './post.ts';

/** A message on its way to one channel. */
export interface Delivery {
  /** The row of the ledger: the same in every attempt, so whoever receives it twice can tell. */
  readonly notificationId: string;
  readonly message: IncidentMessage;
  /** An attempt before this one began and never ended: it may have sent the message. */
  readonly isPossibleDuplicate: boolean;
  /** 1 for the first. */
  readonly attempt: number;
}

/** What came of an attempt. */
export type SendOutcome =
  /** `answer`: what the provider said, in short: "HTTP 200 ok", "250 queued as 4F2". */
  | { readonly kind: 'sent'; readonly answer: string }
  /** Trying again may help. */
  | {
      readonly kind: 'failed';
      readonly error: string;
      readonly answer: string | null;
      /** Milliseconds, where the provider asks for it. */
      readonly retryAfterMs: number | null;
    }
  /** Trying again gives the same: the address is wrong, the webhook was revoked. */
  | { readonly kind: 'refused'; readonly error: string; readonly answer: string | null }
  /** There is nothing to send with. */
  | {
      readonly kind: 'skipped';
      readonly status: 'skipped_not_configured' | 'skipped_channel_deleted';
      readonly error: string;
    };

/** What channels share of the process that they send from. */
export interface ChannelContext {
  /** Through the address guard, with a time limit. */
  readonly post: PostJson;
  /** Null where no mail can be sent. */
  readonly smtp: { readonly url: string; readonly from: string } | null;
  readonly stubSlack: boolean;
  readonly signal: AbortSignal;
  /** UTC milliseconds. */
  readonly now: () => number;
}

/**
 * A kind of channel, in a file of its own: what is configured, how it is shown, and how a message is sent. A new one is
 * listed in `channelTypes.ts` and nowhere else.
 */
export interface ChannelType<Config extends Readonly<Record<string, unknown>>> {
  readonly type: string;
  /** What users send as `config`; kept encrypted as a whole. Strict, with a description of each field. */
  readonly config: z.ZodType<Config>;
  /** Fields that are masked in answers; sent back masked they stay what they are. */
  readonly secretFields: readonly (keyof Config & string)[];
  /** Fields that hold a URL which the address guard has to allow. */
  readonly urlFields: readonly (keyof Config & string)[];
  /** Where messages go, masked: "https://hooks.example/…", "a•••@example.com". */
  recipient(config: Config): string;
  /** Never throws for what the provider does; within 15 s. */
  send(delivery: Delivery, config: Config, context: ChannelContext): Promise<SendOutcome>;
}

import { z } from 'zod';
import { findChannelType } from '../../channels/channelTypes.ts';
import { ALERT_SOURCES, SEVERITIES } from '../../domain/alert.ts';
import type { AddressGuard } from '../../net/addressGuard.ts';
import { pageFields } from '../queryFields.ts';
import { customIssue } from '../zodIssues.ts';
import { checkedConfig } from './config.ts';
import { channelFields } from './fields.ts';

const time = z.iso.datetime();

export const ChannelId = z.strictObject({ id: z.guid().toLowerCase() });

export const ChannelListQuery = z.strictObject(pageFields({ defaultLimit: 100 }));

/** The body of POST, with the rules that the type has for `config`. */
export function createChannelBody(guard: AddressGuard) {
  const { type, name, config, ...rest } = channelFields;
  return z
    .strictObject({ type, name, config, ...z.strictObject(rest).partial().shape })
    .superRefine(
      (body, context) => {
        // What is wrong elsewhere does not keep `config` from being looked at.
        if (context.issues.some(({ path }) => path?.[0] === 'config')) return;
        if (typeof body.type !== 'string' || findChannelType(body.type) === null) return;
        const checked = checkedConfig({ type: body.type, stored: null, sent: body.config }, guard);
        if (checked.kind === 'fits') return;
        for (const { type: issueType, msg, loc } of checked.issues) {
          context.addIssue(customIssue(issueType, msg, [...loc]));
        }
      },
      { when: ({ value }) => typeof value === 'object' && value !== null && !Array.isArray(value) },
    )
    .meta({ id: 'ChannelCreate' });
}

export type ChannelCreate = z.output<ReturnType<typeof createChannelBody>>;

/** The body of PUT; `config` is checked against the stored one. */
export const ChannelChange = z.strictObject(channelFields).partial().meta({
  id: 'ChannelChange',
  description:
    'What is left out stays as it is; `config` is replaced as a whole, and what is masked in it stays as it is.',
});

export type ChannelChange = z.output<typeof ChannelChange>;

export const Channel = z
  .strictObject({
    id: z.guid(),
    type: z.string(),
    name: z.string(),
    config: z.record(z.string(), z.unknown()).describe('Secrets are masked.'),
    recipient: z.string().describe('Where it leads, masked.'),
    severities: z.array(z.enum(SEVERITIES)),
    sources: z.array(z.enum(ALERT_SOURCES)).nullable(),
    escalation_minutes: z.int(),
    is_active: z.boolean(),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'Channel' });

export const ChannelPage = z.strictObject({ items: z.array(Channel), next_cursor: z.string().nullable() });
export const ChannelRef = z.strictObject({ id: z.guid() });
export const DeletedChannel = z.strictObject({ deleted: z.guid() });

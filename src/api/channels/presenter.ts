import type { z } from 'zod';
import { maskedConfig } from '../../channels/channelTypes.ts';
import type { Channel as StoredChannel } from '../../db/repositories/channelRow.ts';
import type { Channel } from './schema.ts';

export function presentChannel(channel: StoredChannel): z.output<typeof Channel> {
  return {
    id: channel.id,
    type: channel.type,
    name: channel.name,
    config: maskedConfig(channel.type, channel.config),
    recipient: channel.recipient,
    severities: [...channel.severities],
    sources: channel.sources === null ? null : [...channel.sources],
    escalation_minutes: channel.escalationMinutes,
    is_active: channel.isActive,
    created_at: channel.createdAt.toISOString(),
    updated_at: channel.updatedAt.toISOString(),
  };
}

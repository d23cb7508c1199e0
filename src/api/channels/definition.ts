import type { Channel, ChannelDefinition } from '../../db/repositories/channelRow.ts';
import { SEVERITIES } from '../../domain/alert.ts';
import type { AddressGuard } from '../../net/addressGuard.ts';
import { unprocessable, type FieldIssue } from '../errors.ts';
import { checkedConfig } from './config.ts';
import type { ChannelChange, ChannelCreate } from './schema.ts';

/**
 * A new channel: what was sent on top of the defaults.
 *
 * @throws ApiError 422
 */
export function newChannel(sent: ChannelCreate, guard: AddressGuard): ChannelDefinition {
  const checked = checkedConfig({ type: sent.type, stored: null, sent: sent.config }, guard);
  if (checked.kind === 'refused') throw unprocessable(inBody(checked.issues));
  return {
    name: sent.name,
    ...{ config: checked.config, recipient: checked.recipient },
    severities: sent.severities ?? SEVERITIES,
    sources: sent.sources ?? null,
    escalationMinutes: sent.escalation_minutes ?? 0,
    isActive: sent.is_active ?? true,
  };
}

/**
 * A stored channel with what was sent on top; a masked value stays as it is stored.
 *
 * @throws ApiError 422
 */
export function changedChannel(
  current: Channel,
  sent: ChannelChange,
  guard: AddressGuard,
): ChannelDefinition {
  const { config, recipient } = current;
  const checked =
    sent.config === undefined
      ? ({ kind: 'fits', config, recipient } as const)
      : checkedConfig({ type: current.type, stored: config, sent: sent.config }, guard);
  const issues = [
    ...typeIssues(current, sent),
    ...(checked.kind === 'refused' ? inBody(checked.issues) : []),
  ];
  if (checked.kind === 'refused' || issues.length > 0) throw unprocessable(issues);
  return {
    name: sent.name ?? current.name,
    ...{ config: checked.config, recipient: checked.recipient },
    severities: sent.severities ?? current.severities,
    sources: sent.sources === undefined ? current.sources : sent.sources,
    escalationMinutes: sent.escalation_minutes ?? current.escalationMinutes,
    isActive: sent.is_active ?? current.isActive,
  };
}

function typeIssues(current: Channel, sent: ChannelChange): FieldIssue[] {
  if (sent.type === undefined || sent.type === current.type) return [];
  const msg = `The type of a channel does not change: this one is '${current.type}', so create another`;
  return [{ loc: ['body', 'type'], msg, type: 'immutable' }];
}

function inBody(issues: readonly FieldIssue[]): FieldIssue[] {
  return issues.map((issue) => ({ ...issue, loc: ['body', ...issue.loc] }));
}

import type { ChannelConfig } from '../../channels/masking.ts';
import type { AlertSource, Severity } from '../../domain/alert.ts';
import { SecretUnreadableError, type SecretBox } from '../encryption.ts';

/** Where messages go, and which, as its owner defines it. */
export interface ChannelDefinition {
  readonly name: string;
  /** As its type stores it, with its secrets. */
  readonly config: ChannelConfig;
  /** Where it leads, masked. */
  readonly recipient: string;
  readonly severities: readonly Severity[];
  /** Null for every source. */
  readonly sources: readonly AlertSource[] | null;
  /** 0: told at once; else when nobody has acknowledged for so long. */
  readonly escalationMinutes: number;
  readonly isActive: boolean;
}

export interface Channel extends ChannelDefinition {
  readonly id: string;
  readonly type: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** Timestamps come as text. */
export interface ChannelRow {
  id: string;
  type: string;
  name: string;
  config_encrypted: Buffer;
  recipient: string;
  severities: Severity[];
  sources: AlertSource[] | null;
  escalation_minutes: number;
  is_active: boolean;
  created_at: string;
  updated_at: string;
  /** As cursors have it, to the microsecond. */
  created_at_exactly: string;
}

/** @throws SecretUnreadableError */
export function toChannel(row: ChannelRow, secrets: Pick<SecretBox, 'open'>): Channel {
  return {
    id: row.id,
    type: row.type,
    name: row.name,
    config: openConfig(row.config_encrypted, row.id, secrets),
    recipient: row.recipient,
    severities: row.severities,
    sources: row.sources,
    escalationMinutes: row.escalation_minutes,
    isActive: row.is_active,
    createdAt: new Date(row.created_at),
    updatedAt: new Date(row.updated_at),
  };
}

/** The id of the channel binds the secret to its row. */
export function sealConfig(config: ChannelConfig, id: string, secrets: Pick<SecretBox, 'seal'>): Buffer {
  return secrets.seal(JSON.stringify(config), id);
}

function openConfig(sealed: Buffer, id: string, secrets: Pick<SecretBox, 'open'>): ChannelConfig {
  const config: unknown = JSON.parse(secrets.open(sealed, id));
  if (isConfig(config)) return config;
  throw new SecretUnreadableError(`The configuration of channel ${id} is no JSON object.`);
}

function isConfig(value: unknown): value is ChannelConfig {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Stands for a secret in answers, followed by the end of long ones. */
const MASK = '••••';
const SHORTEST_SHOWN = 12;
const SHOWN = 4;

export type ChannelConfig = Readonly<Record<string, unknown>>;

/** Which fields of a config are masked, and which of them are URLs. */
export interface SecretFields {
  readonly secretFields: readonly string[];
  readonly urlFields: readonly string[];
}

/** A config as it is to be stored. */
export interface Merged {
  /** Not checked yet: what was sent may be anything. */
  readonly config: unknown;
  /** Where a masked value stands that is not the mask of what is stored: each a path, such as `["headers", "X-Token"]`. */
  readonly strayMasks: readonly (readonly string[])[];
}

/**
 * "••••" for a secret, with its last four characters when it is 12 or longer; of a URL scheme and host stay:
 * "https://hooks.example/••••". Of a record of secrets (headers) each value is masked.
 */
export function maskConfig(config: ChannelConfig, { secretFields, urlFields }: SecretFields): ChannelConfig {
  const entries = Object.entries(config).map(([field, value]): [string, unknown] => [
    field,
    secretFields.includes(field) ? masked(value, urlFields.includes(field)) : value,
  ]);
  return Object.fromEntries(entries);
}

/** What was sent, with the stored secrets where their masks were sent back. @param stored null for a new channel */
export function mergeConfig(stored: ChannelConfig | null, sent: unknown, fields: SecretFields): Merged {
  if (!isRecord(sent)) return { config: sent, strayMasks: [] };
  const strayMasks: string[][] = [];
  const unmask = (value: unknown, kept: unknown, isUrl: boolean, path: string[]): unknown => {
    if (isRecord(value)) {
      const keptValues = new Map(
        Object.entries(isRecord(kept) ? kept : {}).map(([name, secret]) => [name.toLowerCase(), secret]),
      );
      const entries = Object.entries(value).map(([name, secret]): [string, unknown] => [
        name,
        unmask(secret, keptValues.get(name.toLowerCase()), false, [...path, name]),
      ]);
      return Object.fromEntries(entries);
    }
    if (typeof value !== 'string' || !value.includes(MASK)) return value;
    if (kept !== undefined && value === masked(kept, isUrl)) return kept;
    strayMasks.push(path);
    return value;
  };
  const entries = Object.entries(sent).map(([field, value]): [string, unknown] => [
    field,
    fields.secretFields.includes(field)
      ? unmask(value, stored?.[field], fields.urlFields.includes(field), [field])
      : value,
  ]);
  return { config: Object.fromEntries(entries), strayMasks };
}

function masked(value: unknown, isUrl: boolean): unknown {
  if (isRecord(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, secret]) => [name, masked(secret, false)]));
  }
  if (value === undefined || value === null) return value;
  if (typeof value !== 'string') return MASK;
  const url = isUrl ? URL.parse(value) : null;
  if (url !== null) return `${url.protocol}//${url.host}/${MASK}`;
  return value.length < SHORTEST_SHOWN ? MASK : `${MASK}${value.slice(-SHOWN)}`;
}

function isRecord(value: unknown): value is ChannelConfig {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

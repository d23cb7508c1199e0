import { findChannelType, mergedConfig, type RegisteredChannelType } from '../../channels/channelTypes.ts';
import type { ChannelConfig } from '../../channels/masking.ts';
import type { AddressGuard } from '../../net/addressGuard.ts';
import type { FieldIssue } from '../errors.ts';
import { toFieldIssues } from '../zodIssues.ts';
import { barredUrl } from './barredUrl.ts';

/** What is to be stored of a `config` that was sent, or what is wrong with it; `loc` begins with `config`. */
export type CheckedConfig =
  | { readonly kind: 'fits'; readonly config: ChannelConfig; readonly recipient: string }
  | { readonly kind: 'refused'; readonly issues: readonly FieldIssue[] };

const FIELD = 'config';

/**
 * Judges a `config` by the rules of its type; URLs by the address guard as well.
 *
 * @param stored what masked values stand for; null for a new channel
 */
export function checkedConfig(
  { type, stored, sent }: { type: string; stored: ChannelConfig | null; sent: unknown },
  guard: AddressGuard,
): CheckedConfig {
  const known = findChannelType(type);
  if (known === null) return refused([issue([], 'literal_error', `The type "${type}" is not known here`)]);
  const { config, strayMasks } = mergedConfig(type, stored, sent);
  const stray = strayMasks.map((path) => issue(path, 'masked_value', STRAY_MASK));
  const parsed = known.schema.safeParse(config, { reportInput: true });
  if (!parsed.success) {
    const others = toFieldIssues(parsed.error, FIELD).filter(
      ({ loc }) => !stray.some((mask) => mask.loc.join() === loc.join()),
    );
    return refused([...stray, ...others]);
  }
  const issues = [...stray, ...barredUrls(known, parsed.data, guard)];
  if (issues.length > 0) return refused(issues);
  return { kind: 'fits', config: parsed.data, recipient: known.recipient(parsed.data) };
}

const STRAY_MASK =
  'A masked value stands for the one that is stored, and this is not its mask: send the value itself';

function barredUrls(
  { urlFields }: RegisteredChannelType,
  config: ChannelConfig,
  guard: AddressGuard,
): FieldIssue[] {
  return urlFields.flatMap((field) => {
    const value = config[field];
    const barred = typeof value === 'string' ? barredUrl(value, guard) : null;
    return barred === null ? [] : [issue([field], ...barred)];
  });
}

function issue(path: readonly string[], type: string, msg: string): FieldIssue {
  return { loc: [FIELD, ...path], type, msg };
}

function refused(issues: readonly FieldIssue[]): CheckedConfig {
  return { kind: 'refused', issues };
}

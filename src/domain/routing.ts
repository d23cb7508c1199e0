import type { AlertSource, Severity } from './alert.ts';
import type { MessageKind } from './incidentMessage.ts';

/** Where messages of a client may go: one of its channels, or what its settings name. */
export interface Destination {
  /** The id of the channel, or `settings:email`, `settings:slack`. */
  readonly key: string;
  /** Null for those of the settings. */
  readonly channelId: string | null;
  /** The type of the channel: `slack`, `email`, `webhook`. */
  readonly provider: string;
  /** Masked. */
  readonly recipient: string;
  readonly severities: readonly Severity[];
  /** Null for every source. */
  readonly sources: readonly AlertSource[] | null;
  /** 0: told at once; else when nobody has acknowledged for so long. */
  readonly escalationMinutes: number;
}

/** What a rule looks at. */
export interface RoutedAlert {
  readonly severity: Severity;
  readonly source: AlertSource;
}

/** Whether a channel wants to hear of any of these alerts. */
export function takes(
  { severities, sources }: Pick<Destination, 'severities' | 'sources'>,
  alerts: readonly RoutedAlert[],
): boolean {
  return alerts.some(
    ({ severity, source }) => severities.includes(severity) && (sources === null || sources.includes(source)),
  );
}

/** What is known of who has heard of an incident. */
export interface Hearers {
  /** Keys of destinations that a message about it was sent to, or is on its way to. */
  readonly told: ReadonlySet<string>;
  readonly open: readonly RoutedAlert[];
  /** Those that no message has told as they are now. */
  readonly untold: readonly RoutedAlert[];
}

/**
 * Who gets a message: what is new goes to those that take it, and to nobody of the escalation chain that has not been
 * called yet; a reminder and the end go to those that have heard of the beginning.
 */
export function recipientsOf(
  kind: Exclude<MessageKind, 'escalated' | 'test'>,
  destinations: readonly Destination[],
  { told, open, untold }: Hearers,
): readonly Destination[] {
  if (kind === 'reminder' || kind === 'resolved') return destinations.filter(({ key }) => told.has(key));
  const news = kind === 'updated' ? untold : open;
  return destinations.filter(
    (destination) =>
      (destination.escalationMinutes === 0 || told.has(destination.key)) && takes(destination, news),
  );
}

import type { AlertSource, AlertStatus, Severity } from './alert.ts';
import { placeOf, reopened, withNews, type AlertingRules, type Incident } from './incident.ts';

/** Something that happened to an alert, with the alert as it is by now; times in UTC milliseconds. */
export interface AlertNews {
  readonly kind: 'opened' | 'changed' | 'acknowledged' | 'resolved';
  readonly at: number;
  readonly alert: NewsAlert;
}

export interface NewsAlert {
  readonly id: string;
  readonly source: AlertSource;
  readonly sourceId: string;
  readonly severity: Severity;
  readonly status: AlertStatus;
  readonly message: string;
  /** What it is about, in short: the name of a target, a hostname. */
  readonly subject: string;
  readonly triggeredAt: number;
  readonly resolvedAt: number | null;
  readonly resolution: string | null;
  readonly resolvedBy: string | null;
  readonly acknowledgedBy: string | null;
  readonly note: string | null;
  readonly incidentId: string | null;
  /** The last alert of the same source before this one. */
  readonly before: {
    readonly incidentId: string;
    readonly resolvedAt: number;
    /** How many alerts of this source are in that incident. */
    readonly alertsOfSource: number;
  } | null;
}

export type TimelineKind =
  | 'opened'
  | 'alert'
  | 'severity'
  | 'acknowledged'
  | 'note'
  | 'alert_resolved'
  | 'resolved'
  | 'reopened'
  | 'flapping'
  | 'notification';

/** Something that happened in an incident. */
export interface TimelineEntry {
  readonly incidentId: string;
  readonly alertId: string | null;
  readonly kind: TimelineKind;
  /** UTC milliseconds. */
  readonly at: number;
  readonly text: string;
  /** Who did it; null for what happened by itself. */
  readonly actor: string | null;
}

export interface DraftingOptions {
  readonly incidents: readonly Incident[];
  /** The number of the client's last incident. */
  readonly lastNumber: number;
  readonly rules: AlertingRules;
  readonly newId: () => string;
  /** UTC milliseconds: nothing is noted as later than now. */
  readonly now: number;
}

/** The incidents of a client while what has happened to its alerts is worked into them. */
export class IncidentDrafts {
  readonly timeline: TimelineEntry[] = [];
  /** Alerts that were put into an incident. */
  readonly incidentOfAlert = new Map<string, string>();
  /** Ids of incidents whose alerts have changed. */
  readonly touched = new Set<string>();
  private readonly incidents: Map<string, Incident>;
  private readonly changed = new Set<string>();
  private readonly options: DraftingOptions;
  private readonly lastOfSource = new Map<string, { incidentId: string; resolvedAt: number }>();
  /** By incident and source. */
  private readonly alertsOfSource = new Map<string, number>();
  private lastNumber: number;

  constructor(options: DraftingOptions) {
    this.options = options;
    this.lastNumber = options.lastNumber;
    this.incidents = new Map(options.incidents.map((incident) => [incident.id, incident]));
  }

  all(): readonly Incident[] {
    return [...this.incidents.values()];
  }

  get(id: string): Incident | undefined {
    return this.incidents.get(id);
  }

  /** Those that are not as they were read. */
  allChanged(): readonly Incident[] {
    return this.all().filter(({ id }) => this.changed.has(id));
  }

  /** Keeps an incident, and notes what has become of it. */
  put(incident: Incident): void {
    const before = this.incidents.get(incident.id);
    if (before === incident) return;
    this.incidents.set(incident.id, incident);
    this.changed.add(incident.id);
    if (before !== undefined) this.noteChange(before, incident);
  }

  note(entry: TimelineEntry): void {
    this.timeline.push({ ...entry, at: Math.min(entry.at, this.options.now) });
  }

  work(news: readonly AlertNews[]): void {
    for (const { kind, alert, at } of news) {
      if (kind === 'opened') this.open(alert);
      else this.change(kind, alert, at);
    }
    this.openFirst();
  }

  /** Alerts come in the order in which they were stored: another one may have been triggered before the first. */
  private openFirst(): void {
    for (const [index, entry] of this.timeline.entries()) {
      const openedAt = entry.kind === 'opened' ? this.incidents.get(entry.incidentId)?.openedAt : undefined;
      if (openedAt !== undefined) this.timeline[index] = { ...entry, at: openedAt };
    }
  }

  private open(alert: NewsAlert): void {
    if (alert.incidentId !== null) return;
    const at = Math.min(alert.triggeredAt, this.options.now);
    const incident = this.incidentFor(alert, at);
    this.alertsOfSource.set(countKey(alert, incident.id), this.countOf(alert, incident.id) + 1);
    this.incidentOfAlert.set(alert.id, incident.id);
    this.touched.add(incident.id);
    this.note({ ...about(alert, incident.id), kind: 'alert', at, text: alert.message });
    this.put(withNews({ ...incident, openedAt: Math.min(incident.openedAt, at) }, at));
  }

  private incidentFor(alert: NewsAlert, at: number): Incident {
    const place = placeOf(at, this.beforeOf(alert), this.openOnes(), this.options.rules);
    if (place.kind === 'beside') return place.incident;
    if (place.kind === 'new') return this.create(alert, at);
    const again = reopened(place.incident, at, this.countOf(alert, place.incident.id));
    this.put(again);
    return again;
  }

  /** How many alerts of the same source are in the incident. */
  private countOf(alert: NewsAlert, incidentId: string): number {
    const stored = alert.before?.incidentId === incidentId ? alert.before.alertsOfSource : 0;
    return this.alertsOfSource.get(countKey(alert, incidentId)) ?? stored;
  }

  private beforeOf({ source, sourceId, before }: NewsAlert) {
    const last = this.lastOfSource.get(`${source}/${sourceId}`) ?? before;
    const incident = last === null ? undefined : this.incidents.get(last.incidentId);
    return last === null || incident === undefined ? null : { incident, resolvedAt: last.resolvedAt };
  }

  private openOnes(): readonly Incident[] {
    return this.all().filter(({ status }) => status === 'open');
  }

  private create(alert: NewsAlert, at: number): Incident {
    this.lastNumber += 1;
    const incident: Incident = {
      id: this.options.newId(),
      number: this.lastNumber,
      ...{ title: alert.message, type: alert.source, severity: alert.severity, status: 'open' },
      ...{ openedAt: at, activeSince: at, lastChangeAt: at, resolvedAt: null, acknowledgedAt: null },
      ...{
        reopenings: 0,
        isFlapping: false,
        untoldSince: null,
        untoldUntil: null,
        toldAt: null,
        messages: 0,
      },
    };
    this.note({
      ...about(alert, incident.id),
      alertId: null,
      kind: 'opened',
      at,
      text: `Incident #${incident.number} opened`,
    });
    this.put(incident);
    return incident;
  }

  private change(kind: 'changed' | 'acknowledged' | 'resolved', alert: NewsAlert, at: number): void {
    const incident = this.incidents.get(this.incidentOfAlert.get(alert.id) ?? alert.incidentId ?? '');
    if (incident === undefined) return;
    this.touched.add(incident.id);
    const entry = about(alert, incident.id);
    if (kind === 'acknowledged') {
      const note = alert.note === null ? '' : `: ${alert.note}`;
      const text = `${alert.subject}: acknowledged${note}`;
      this.note({ ...entry, kind, at, text, actor: alert.acknowledgedBy });
    } else if (kind === 'changed') {
      this.note({ ...entry, kind: 'severity', at, text: `${alert.message} (now ${alert.severity})` });
      this.put(withNews(incident, Math.min(at, this.options.now)));
    } else {
      const endedAt = Math.min(alert.resolvedAt ?? at, this.options.now);
      this.lastOfSource.set(`${alert.source}/${alert.sourceId}`, {
        incidentId: incident.id,
        resolvedAt: endedAt,
      });
      const text = `${alert.subject}: ${alert.resolution ?? 'resolved'}`;
      this.note({ ...entry, kind: 'alert_resolved', at: endedAt, text, actor: alert.resolvedBy });
      this.put({ ...incident, lastChangeAt: Math.max(incident.lastChangeAt, endedAt) });
    }
  }

  private noteChange(before: Incident, after: Incident): void {
    const entry = { incidentId: after.id, alertId: null, actor: null };
    const isReopened = before.status === 'resolved' && after.status === 'open';
    if (isReopened || after.reopenings > before.reopenings) {
      const text = `Failed again, for the ${ordinal(after.reopenings)} time`;
      this.note({ ...entry, kind: 'reopened', at: after.lastChangeAt, text });
    }
    if (after.isFlapping !== before.isFlapping) {
      const text = after.isFlapping
        ? 'Flapping: it stays open until nothing has changed for an hour'
        : 'No longer flapping: nothing has changed for an hour';
      this.note({ ...entry, kind: 'flapping', at: this.options.now, text });
    }
    if (after.status === 'resolved' && before.status === 'open') {
      const untold =
        before.toldAt === null ? '; nobody was told, since it was over before the first message' : '';
      const text = `All its alerts are resolved${untold}`;
      this.note({ ...entry, kind: 'resolved', at: after.resolvedAt ?? this.options.now, text });
    }
  }
}

function countKey({ source, sourceId }: NewsAlert, incidentId: string): string {
  return `${incidentId} ${source}/${sourceId}`;
}

function about(
  alert: NewsAlert,
  incidentId: string,
): Pick<TimelineEntry, 'incidentId' | 'alertId' | 'actor'> {
  return { incidentId, alertId: alert.id, actor: null };
}

function ordinal(count: number): string {
  const ending = { 1: 'st', 2: 'nd', 3: 'rd' }[count % 100 > 10 && count % 100 < 14 ? 0 : count % 10];
  return `${count}${ending ?? 'th'}`;
}

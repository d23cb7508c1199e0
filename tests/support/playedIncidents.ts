import { worstSeverity } from '../../src/domain/alert.ts';
import {
  nextMessage,
  quietAt,
  settled,
  type AlertCounts,
  type AlertingRules,
  type DueMessage,
  type Incident,
} from '../../src/domain/incident.ts';
import {
  IncidentDrafts,
  type AlertNews,
  type NewsAlert,
  type TimelineEntry,
} from '../../src/domain/incidentDrafts.ts';
import { OPENED_AT } from './buildIncident.ts';

export type PlayedAlert = { -readonly [Field in keyof Omit<NewsAlert, 'before'>]: NewsAlert[Field] };
export type Happening = 'fails' | 'ends' | 'worsens' | 'is acknowledged';

/** What is said about an incident: its number, why, when, and when it was due. */
export interface Said {
  readonly number: number;
  readonly kind: DueMessage['kind'];
  readonly at: number;
  readonly dueAt: number;
}

/** The alerts and incidents of one client, without Postgres: news is worked in as `ClientPlanRepository` does it. */
export class PlayedIncidents {
  now = OPENED_AT;
  incidents: readonly Incident[] = [];
  readonly alerts: PlayedAlert[] = [];
  readonly said: Said[] = [];
  readonly timeline: TimelineEntry[] = [];
  /** Ids of alerts, each time that one was put into an incident. */
  readonly assigned: string[] = [];
  private readonly rules: AlertingRules;
  private news: { kind: AlertNews['kind']; at: number; alert: PlayedAlert }[] = [];

  constructor(rules: AlertingRules) {
    this.rules = rules;
  }

  /** Something happens to a source; nothing when it cannot, as when one ends that did not fail. */
  happens(what: Happening, sourceId: string): void {
    const open = this.alerts.find((alert) => alert.sourceId === sourceId && alert.status !== 'resolved');
    if (what === 'fails') {
      if (open === undefined) this.fails(sourceId);
    } else if (open === undefined) return;
    else if (what === 'ends') {
      Object.assign(open, { status: 'resolved', resolvedAt: this.now, resolution: 'answers again' });
      this.tellNews('resolved', open);
    } else if (what === 'worsens') {
      if (open.severity === 'critical') return;
      open.severity = 'critical';
      this.tellNews('changed', open);
    } else if (open.status === 'firing') {
      Object.assign(open, { status: 'acknowledged', acknowledgedBy: 'ada' });
      this.tellNews('acknowledged', open);
    }
  }

  /** Lets time pass; whatever falls due meanwhile is done when it is. */
  pass(ms: number): void {
    const end = this.now + ms;
    for (let at = this.nextAt(); at !== null && at <= end; at = this.nextAt()) {
      this.now = Math.max(this.now, at);
      this.plan();
      if ((this.nextAt() ?? Infinity) <= this.now) throw new Error('A plan has left behind what was due');
    }
    this.now = end;
  }

  /** Works in the news, settles what has changed, and says what is due. */
  plan(): void {
    const drafts = new IncidentDrafts({
      incidents: this.incidents,
      lastNumber: Math.max(0, ...this.incidents.map(({ number }) => number)),
      ...{ rules: this.rules, now: this.now, newId: () => crypto.randomUUID() },
    });
    drafts.work(
      this.news.map(({ alert, ...one }) => ({ ...one, alert: { ...alert, before: this.beforeOf(alert) } })),
    );
    this.news = [];
    for (const alert of this.alerts) {
      const incidentId = drafts.incidentOfAlert.get(alert.id);
      if (incidentId === undefined) continue;
      alert.incidentId = incidentId;
      this.assigned.push(alert.id);
    }
    for (const incident of drafts.all()) {
      if (drafts.touched.has(incident.id) || this.isDue(incident)) {
        drafts.put(settled(incident, this.countsOf(incident.id), this.now));
      }
    }
    for (const incident of drafts.all()) this.say(drafts, incident);
    this.incidents = drafts.all();
    this.timeline.push(...drafts.timeline);
  }

  alertsOf(incidentId: string): readonly PlayedAlert[] {
    return this.alerts.filter((alert) => alert.incidentId === incidentId);
  }

  private nextAt(): number | null {
    const times = this.incidents.flatMap((incident) => [
      ...[nextMessage(incident, this.rules)?.at ?? Infinity, quietAt(incident) ?? Infinity],
    ]);
    const next = Math.min(Infinity, ...times);
    return next === Infinity ? null : next;
  }

  private isDue(incident: Incident): boolean {
    const times = [nextMessage(incident, this.rules)?.at ?? Infinity, quietAt(incident) ?? Infinity];
    return Math.min(...times) <= this.now;
  }

  private say(drafts: IncidentDrafts, incident: Incident): void {
    const next = nextMessage(incident, this.rules);
    if (next === null || next.at > this.now) return;
    this.said.push({ number: incident.number, kind: next.kind, at: this.now, dueAt: next.at });
    const toldAt = next.kind === 'resolved' ? null : this.now;
    drafts.put({
      ...incident,
      messages: incident.messages + 1,
      untoldSince: null,
      untoldUntil: null,
      toldAt,
    });
  }

  private fails(sourceId: string): void {
    const alert: PlayedAlert = {
      ...{ id: `alert-${this.alerts.length + 1}`, source: 'http_target', sourceId, subject: sourceId },
      ...{ severity: 'warning', status: 'firing', message: `${sourceId} is down`, triggeredAt: this.now },
      ...{ resolvedAt: null, resolution: null, resolvedBy: null, acknowledgedBy: null, note: null },
      incidentId: null,
    };
    this.alerts.push(alert);
    this.tellNews('opened', alert);
  }

  private tellNews(kind: AlertNews['kind'], alert: PlayedAlert): void {
    this.news.push({ kind, at: this.now, alert });
  }

  private beforeOf(alert: PlayedAlert): NewsAlert['before'] {
    const before = this.alerts
      .slice(0, this.alerts.indexOf(alert))
      .findLast(({ sourceId }) => sourceId === alert.sourceId);
    if (before === undefined || before.incidentId === null || before.resolvedAt === null) return null;
    const { incidentId, resolvedAt } = before;
    const alertsOfSource = this.alertsOf(incidentId).filter(
      ({ sourceId }) => sourceId === alert.sourceId,
    ).length;
    return { incidentId, resolvedAt, alertsOfSource };
  }

  private countsOf(incidentId: string): AlertCounts {
    const alerts = this.alertsOf(incidentId);
    const count = (status: PlayedAlert['status']) => alerts.filter((alert) => alert.status === status).length;
    const open = alerts.filter(({ status }) => status !== 'resolved');
    const ends = alerts.map(({ resolvedAt }) => resolvedAt).filter((at) => at !== null);
    return {
      ...{ firing: count('firing'), acknowledged: count('acknowledged'), resolved: count('resolved') },
      severity: worstSeverity((open.length > 0 ? open : alerts).map(({ severity }) => severity)),
      sources: [...new Set(alerts.map(({ source }) => source))],
      lastResolvedAt: ends.length === 0 ? null : Math.max(...ends),
    };
  }
}

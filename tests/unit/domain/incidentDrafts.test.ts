import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { settled, type AlertCounts, type Incident } from '../../../src/domain/incident.ts';
import { IncidentDrafts, type AlertNews, type NewsAlert } from '../../../src/domain/incidentDrafts.ts';
import { buildIncident, buildRules, OPENED_AT } from '../../support/buildIncident.ts';

const MINUTE = 60_000;

/** The alerts of some sources, and their incidents, as the rows of a client keep them between two looks. */
class PlayedClient {
  readonly alerts: NewsAlert[] = [];
  incidents: readonly Incident[] = [];
  readonly timeline: string[] = [];
  now = OPENED_AT;
  private news: AlertNews[] = [];
  private readonly rules;

  constructor(isGroupingEnabled: boolean) {
    this.rules = buildRules({ isGroupingEnabled });
  }

  turn(sourceId: string): void {
    const open = this.alerts.find((alert) => alert.sourceId === sourceId && alert.status !== 'resolved');
    if (open === undefined) this.open(sourceId);
    else
      this.change(
        open,
        { status: 'resolved', resolvedAt: this.now, resolution: 'it answers again' },
        'resolved',
      );
  }

  acknowledge(sourceId: string): void {
    const open = this.alerts.find((alert) => alert.sourceId === sourceId && alert.status === 'firing');
    if (open !== undefined)
      this.change(open, { status: 'acknowledged', acknowledgedBy: 'me' }, 'acknowledged');
  }

  /** The news of an opening comes once more. */
  openAgain(sourceId: string): void {
    const alert = this.alerts.findLast((one) => one.sourceId === sourceId);
    if (alert !== undefined) this.news.push({ kind: 'opened', at: alert.triggeredAt, alert });
  }

  /** One look. */
  plan(): void {
    let made = this.incidents.length;
    const drafts = new IncidentDrafts({
      ...{ incidents: this.incidents, lastNumber: this.incidents.length, rules: this.rules, now: this.now },
      newId: () => `incident-${(made += 1)}`,
    });
    // Alerts are told as they are by now.
    drafts.work(
      this.news.map((news) => ({
        ...news,
        alert: this.alerts.find(({ id }) => id === news.alert.id) ?? news.alert,
      })),
    );
    this.news = [];
    for (const [id, incidentId] of drafts.incidentOfAlert) {
      const index = this.alerts.findIndex((alert) => alert.id === id);
      const alert = this.alerts[index];
      if (alert !== undefined) this.alerts[index] = { ...alert, incidentId };
    }
    for (const id of drafts.touched) {
      const incident = drafts.get(id);
      if (incident !== undefined) drafts.put(settled(incident, this.counts(id), this.now));
    }
    this.incidents = drafts.all();
    this.timeline.push(...drafts.timeline.map(({ kind, text }) => `${kind}: ${text}`));
  }

  openOf(incidentId: string): readonly NewsAlert[] {
    return this.alerts.filter((alert) => alert.incidentId === incidentId && alert.status !== 'resolved');
  }

  private open(sourceId: string): void {
    const before = this.alerts.findLast((alert) => alert.sourceId === sourceId);
    const { incidentId = null, resolvedAt = null } = before ?? {};
    const alert: NewsAlert = {
      ...{ id: `alert-${this.alerts.length + 1}`, source: 'http_target', sourceId, severity: 'critical' },
      ...{ status: 'firing', message: `${sourceId} is down`, subject: sourceId, triggeredAt: this.now },
      ...{ resolvedAt: null, resolution: null, resolvedBy: null, acknowledgedBy: null, note: null },
      incidentId: null,
      before:
        incidentId === null || resolvedAt === null
          ? null
          : { incidentId, resolvedAt, alertsOfSource: this.countOf(sourceId, incidentId) },
    };
    this.alerts.push(alert);
    this.news.push({ kind: 'opened', at: this.now, alert });
  }

  private countOf(sourceId: string, incidentId: string): number {
    return this.alerts.filter((alert) => alert.sourceId === sourceId && alert.incidentId === incidentId)
      .length;
  }

  private change(alert: NewsAlert, to: Partial<NewsAlert>, kind: AlertNews['kind']): void {
    const changed = { ...alert, ...to };
    this.alerts[this.alerts.indexOf(alert)] = changed;
    this.news.push({ kind, at: this.now, alert: changed });
  }

  private counts(incidentId: string): AlertCounts {
    const own = this.alerts.filter((alert) => alert.incidentId === incidentId);
    const count = (status: NewsAlert['status']) => own.filter((alert) => alert.status === status).length;
    return {
      ...{ firing: count('firing'), acknowledged: count('acknowledged'), resolved: count('resolved') },
      ...{ severity: 'critical', sources: ['http_target'], lastResolvedAt: null },
    };
  }
}

describe('what has happened to alerts', () => {
  it('is told in the timeline, in the words of the alerts', () => {
    const client = new PlayedClient(true);
    client.turn('shop');
    client.plan();
    client.acknowledge('shop');
    client.turn('api');
    client.plan();
    client.turn('shop');
    client.turn('api');
    client.plan();
    expect(client.timeline).toEqual([
      ...[
        'opened: Incident #1 opened',
        'alert: shop is down',
        'acknowledged: shop: acknowledged',
        'alert: api is down',
      ],
      ...['alert_resolved: shop: it answers again', 'alert_resolved: api: it answers again'],
      'resolved: All its alerts are resolved; nobody was told, since it was over before the first message',
    ]);
  });

  it('is told once, also where the news of it comes twice', () => {
    const client = new PlayedClient(false);
    client.turn('api');
    client.plan();
    const { incidents, timeline } = client;
    const told = [...timeline];
    client.now += MINUTE;
    client.openAgain('api');
    client.plan();
    expect(client.incidents).toEqual(incidents);
    expect(client.timeline).toEqual(told);
  });

  it('counts one reopening where all fail again together', () => {
    const client = new PlayedClient(true);
    const sources = ['shop', 'api', 'db', 'mail', 'pay'];
    for (let times = 0; times < 3; times += 1) {
      for (const source of sources) client.turn(source);
      client.plan();
      client.now += MINUTE;
    }
    expect(client.incidents).toMatchObject([{ reopenings: 1, isFlapping: false }]);
    expect(client.timeline.filter((text) => text.startsWith('reopened'))).toEqual([
      'reopened: Failed again, for the 1st time',
    ]);
  });

  it('dates a source that fails again while another keeps the incident open', () => {
    const drafts = new IncidentDrafts({
      ...{ incidents: [buildIncident()], lastNumber: 1, rules: buildRules(), now: OPENED_AT + 5 * MINUTE },
      newId: () => 'another',
    });
    const before = { incidentId: 'incident-1', resolvedAt: OPENED_AT + 2 * MINUTE, alertsOfSource: 1 };
    drafts.work([
      {
        ...{ kind: 'opened', at: OPENED_AT + 4 * MINUTE },
        alert: {
          ...{ id: 'again', source: 'http_target', sourceId: 'api', severity: 'critical', status: 'firing' },
          ...{
            message: 'api is down',
            subject: 'api',
            triggeredAt: OPENED_AT + 4 * MINUTE,
            resolvedAt: null,
          },
          ...{
            resolution: null,
            resolvedBy: null,
            acknowledgedBy: null,
            note: null,
            incidentId: null,
            before,
          },
        },
      },
    ]);
    expect(drafts.timeline.find(({ kind }) => kind === 'reopened')?.at).toBe(OPENED_AT + 4 * MINUTE);
  });

  it('begins with the opening, also where an alert was stored before one that was triggered earlier', () => {
    const drafts = new IncidentDrafts({
      ...{ incidents: [], lastNumber: 0, rules: buildRules(), now: OPENED_AT + MINUTE },
      newId: () => 'incident-1',
    });
    const news = (id: string, triggeredAt: number): AlertNews => ({
      ...{ kind: 'opened', at: triggeredAt },
      alert: {
        ...{ id, source: 'http_target', sourceId: id, severity: 'critical', status: 'firing', triggeredAt },
        ...{ message: `${id} is down`, subject: id, resolvedAt: null, resolution: null, resolvedBy: null },
        ...{ acknowledgedBy: null, note: null, incidentId: null, before: null },
      },
    });
    drafts.work([news('shop', OPENED_AT + 5), news('api', OPENED_AT)]);
    expect(drafts.timeline.map(({ kind, at }) => [kind, at - OPENED_AT])).toEqual([
      ['opened', 0],
      ['alert', 5],
      ['alert', 0],
    ]);
  });

  it.each([true, false])(
    'makes incidents that hold what they say, with grouping: %s',
    (isGroupingEnabled) => {
      const step = fc.record({
        source: fc.constantFrom('shop', 'api', 'db'),
        kind: fc.constantFrom('turn', 'turn', 'acknowledge', 'plan'),
        waitMs: fc.constantFrom(0, 1_000, MINUTE, 6 * MINUTE, 11 * MINUTE),
      });
      const property = fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const client = new PlayedClient(isGroupingEnabled);
        for (const { source, kind, waitMs } of steps) {
          client.now += waitMs;
          if (kind === 'turn') client.turn(source);
          else if (kind === 'acknowledge') client.acknowledge(source);
          else client.plan();
        }
        client.plan();
        expect(client.alerts.every(({ incidentId }) => incidentId !== null)).toBe(true);
        expect(client.incidents.map(({ number }) => number)).toEqual(
          client.incidents.map((_, index) => index + 1),
        );
        for (const incident of client.incidents) {
          const open = client.openOf(incident.id);
          if (open.length > 0) expect(incident.status).toBe('open');
          if (incident.status === 'open' && !incident.isFlapping) expect(open.length).toBeGreaterThan(0);
          expect(incident.untoldSince === null).toBe(incident.untoldUntil === null);
          expect(incident.untoldSince ?? 0).toBeLessThanOrEqual(incident.untoldUntil ?? 0);
          if (!isGroupingEnabled) {
            const own = client.alerts.filter(({ incidentId }) => incidentId === incident.id);
            expect(new Set(own.map(({ sourceId }) => sourceId)).size).toBe(1);
          }
        }
      });
      fc.assert(property, { numRuns: 150 });
    },
  );
});

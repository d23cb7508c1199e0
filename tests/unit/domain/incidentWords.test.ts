import { describe, expect, it } from '@jest/globals';
import { describeIncident, headline, incidentTitle } from '../../../src/domain/incidentWords.ts';
import { describeNotifications } from '../../../src/domain/notificationWords.ts';

const firstMessage = 'shop is down: Connection refused';
const counts = (firing: number, resolved = 0) => ({ firing, acknowledged: 0, resolved });
/** Each is about another source unless said otherwise. */
const said = ({
  subjects = ['shop'],
  counts: counted = counts(1),
  ...more
}: Partial<Parameters<typeof headline>[0]>) =>
  headline({
    ...{ kind: 'opened', firstMessage, resolution: null, subjects, openSubjects: subjects, counts: counted },
    ...{ sourcesCount: counted.firing + counted.acknowledged + counted.resolved, ...more },
  });

describe('a headline', () => {
  it('says what is wrong with the only one, and why it is told again', () => {
    expect(said({})).toBe(firstMessage);
    expect(said({ kind: 'reopened' })).toBe(`Again: ${firstMessage}`);
    expect(said({ kind: 'reminder' })).toBe(`Still open: ${firstMessage}`);
    expect(said({ kind: 'escalated' })).toBe(`Nobody has acknowledged: ${firstMessage}`);
  });

  it('names two or three, and counts the others', () => {
    expect(said({ counts: counts(2), subjects: ['shop', 'api'] })).toBe('2 alerts: shop and api');
    expect(said({ counts: counts(3), subjects: ['shop', 'api', 'db'] })).toBe('3 alerts: shop, api and db');
    expect(said({ counts: counts(12), subjects: ['shop', 'api', 'db'] })).toBe(
      '12 alerts: shop, api and 10 more',
    );
  });

  it('names those that are open, where others are over', () => {
    const some = { subjects: ['shop', 'api', 'db'], openSubjects: ['db', 'mail'] };
    expect(said({ ...some, counts: counts(2, 12) })).toBe('2 of 14 alerts are open: db and mail');
  });

  it('says why it is over', () => {
    const over = { kind: 'resolved', counts: counts(0, 1) } as const;
    expect(said({ ...over, resolution: 'it answers again' })).toBe('shop: it answers again');
    expect(said({ ...over, counts: counts(0, 2), subjects: ['shop', 'api'] })).toBe(
      'All 2 alerts are resolved: shop and api',
    );
  });

  it('is one line that fits', () => {
    expect(said({ firstMessage: 'x'.repeat(500) })).toHaveLength(200);
  });
});

describe('an incident in words', () => {
  it('is called by its alert, or by what they are about', () => {
    expect(incidentTitle({ counts: counts(1), subjects: ['shop'], sourcesCount: 1, firstMessage })).toBe(
      firstMessage,
    );
    const again = { counts: counts(1, 1), subjects: ['shop', 'shop'], sourcesCount: 1, firstMessage };
    expect(incidentTitle(again)).toBe('2 alerts: shop');
    expect(
      incidentTitle({ ...again, counts: counts(9), subjects: ['shop', 'api', 'db'], sourcesCount: 9 }),
    ).toBe('9 alerts: shop, api and 7 more');
  });

  it.each([
    [{ openAlertsCount: 1, alertsCount: 1 }, '1 of 1 alert is open; not acknowledged'],
    [{ openAlertsCount: 3, alertsCount: 14, isAcknowledged: true }, '3 of 14 alerts are open; acknowledged'],
    [{ status: 'resolved' as const, alertsCount: 1 }, 'Its alert is over'],
    [{ status: 'resolved' as const, alertsCount: 3 }, 'All 3 alerts are over'],
  ])('says how it stands: %j', (how, words) => {
    const incident = {
      status: 'open',
      openAlertsCount: 0,
      isAcknowledged: false,
      isFlapping: false,
    } as const;
    expect(describeIncident({ ...incident, ...how })).toBe(words);
  });
});

describe('what ops see of the messages of a client', () => {
  const nothing = { openIncidents: 0, openAlerts: 0, pendingNotifications: 0, lastError: null };

  it.each([
    [nothing, 'Nothing is open; everybody has been told'],
    [
      { ...nothing, openIncidents: 1, openAlerts: 1 },
      '1 incident is open (1 alert); everybody has been told',
    ],
    [
      {
        openIncidents: 2,
        openAlerts: 14,
        pendingNotifications: 1,
        lastError: 'https://hooks.example answered 503',
      },
      '2 incidents are open (14 alerts); 1 message waits to be sent: https://hooks.example answered 503',
    ],
  ])('is one line: %j', (glance, words) => {
    expect(describeNotifications(glance)).toBe(words);
  });
});

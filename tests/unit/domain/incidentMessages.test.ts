import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { nextMessage, type AlertingRules } from '../../../src/domain/incident.ts';
import { buildRules } from '../../support/buildIncident.ts';
import { PlayedIncidents, type Happening } from '../../support/playedIncidents.ts';

const [SECOND, MINUTE, HOUR] = [1_000, 60_000, 3_600_000];

function play(overrides: Partial<AlertingRules> = {}) {
  const client = new PlayedIncidents(buildRules(overrides));
  /** Something happens to sources at once, and is planned; then time passes. */
  const then = (what: Happening, sourceIds: readonly string[], passMs: number) => {
    for (const sourceId of sourceIds) client.happens(what, sourceId);
    client.plan();
    client.pass(passMs);
  };
  const said = () => client.said.map(({ number, kind }) => `#${number} ${kind}`);
  return { client, then, said };
}

describe('what people are told', () => {
  it('is one message of all that fail within the group wait, and of those that join it', () => {
    const { then, said } = play();
    then('fails', ['shop', 'api'], 5 * SECOND);
    then('fails', ['mail'], MINUTE);
    expect(said()).toEqual(['#1 opened']);
    then('fails', ['late'], 5 * MINUTE);
    then('fails', ['too late'], MINUTE);
    expect(said()).toEqual(['#1 opened', '#1 updated', '#2 opened']);
  });

  it('is the end when the last alert of an incident is over', () => {
    const { then, said } = play();
    then('fails', ['shop', 'api'], MINUTE);
    then('ends', ['shop'], MINUTE);
    expect(said()).toEqual(['#1 opened']);
    then('ends', ['api'], 0);
    expect(said()).toEqual(['#1 opened', '#1 resolved']);
  });

  it('is nothing where it is over before the first message', () => {
    const { then, said } = play();
    then('fails', ['shop'], 20 * SECOND);
    then('ends', ['shop'], HOUR);
    expect(said()).toEqual([]);
  });

  it('is that it is back within ten minutes, and a new incident after that', () => {
    const { then, said } = play({ isGroupingEnabled: false });
    then('fails', ['shop'], MINUTE);
    then('ends', ['shop'], 10 * MINUTE);
    then('fails', ['shop'], MINUTE);
    then('ends', ['shop'], 10 * MINUTE + 1);
    then('fails', ['shop'], MINUTE);
    expect(said()).toEqual(['#1 opened', '#1 resolved', '#1 reopened', '#1 resolved', '#2 opened']);
  });

  it('is once that an incident is flapping, then nothing until an hour of quiet', () => {
    const { client, then, said } = play({ isGroupingEnabled: false });
    for (let times = 0; times < 8; times += 1) {
      then('fails', ['shop'], MINUTE);
      then('ends', ['shop'], times < 7 ? MINUTE : HOUR - 1);
    }
    const told = ['#1 opened', '#1 resolved', '#1 reopened', '#1 resolved', '#1 reopened', '#1 resolved'];
    expect(said()).toEqual([...told, '#1 flapping']);
    client.pass(1);
    expect(said()).toEqual([...told, '#1 flapping', '#1 resolved']);
  });

  it('is that an incident is flapping, also while another source keeps it open', () => {
    const { then, said } = play();
    then('fails', ['shop', 'api'], MINUTE);
    for (let times = 0; times < 3; times += 1) {
      then('ends', ['api'], MINUTE);
      then('fails', ['api'], MINUTE);
    }
    expect(said()).toEqual(['#1 opened', '#1 updated', '#1 updated', '#1 flapping']);
  });

  it('is a reminder until all of it is acknowledged', () => {
    const { then, said } = play({ reminderMs: 30 * MINUTE });
    const reminders = () => said().filter((text) => text === '#1 reminder').length;
    then('fails', ['shop', 'api'], HOUR);
    then('is acknowledged', ['shop'], HOUR);
    expect(reminders()).toBe(3);
    then('is acknowledged', ['api'], 24 * HOUR);
    expect(reminders()).toBe(3);
  });
});

describe('whatever happens to alerts', () => {
  const step = fc.record({
    what: fc.constantFrom<Happening>('fails', 'fails', 'ends', 'ends', 'worsens', 'is acknowledged'),
    sourceId: fc.constantFrom('shop', 'api', 'mail'),
    isPlanned: fc.boolean(),
    // Mostly soon after each other: else hardly anything flaps.
    passMs: fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom(0, SECOND, 20 * SECOND, MINUTE, 2 * MINUTE) },
      { weight: 1, arbitrary: fc.constantFrom(11 * MINUTE, HOUR) },
    ),
  });
  const overrides = fc.record({
    isGroupingEnabled: fc.boolean(),
    graceMs: fc.constantFrom(0, MINUTE),
    reminderMs: fc.constantFrom(0, 20 * MINUTE),
  });

  /** Plays many courses, and looks at the client after each plan or at the end. */
  function everyCourse(
    when: 'after each plan' | 'at the end',
    look: (client: PlayedIncidents, rules: AlertingRules) => void,
  ): void {
    const property = fc.property(fc.array(step, { maxLength: 40, size: 'max' }), overrides, (steps, own) => {
      const rules = buildRules(own);
      const client = new PlayedIncidents(rules);
      for (const { what, sourceId, isPlanned, passMs } of steps) {
        client.happens(what, sourceId);
        if (isPlanned) client.plan();
        if (isPlanned && when === 'after each plan') look(client, rules);
        client.pass(passMs);
      }
      client.plan();
      look(client, rules);
    });
    fc.assert(property, { numRuns: 80 });
  }

  it('each alert is put into an incident once, and stays there', () => {
    everyCourse('after each plan', ({ assigned, alerts, incidents }) => {
      expect(assigned.toSorted()).toEqual(alerts.map(({ id }) => id).toSorted());
      const ids = incidents.map(({ id }) => id);
      for (const { incidentId } of alerts) expect(ids).toContain(incidentId);
    });
  });

  it('a source that fails again within ten minutes is back in its incident, and others are by the window', () => {
    everyCourse('at the end', (client) => {
      for (const [index, alert] of client.alerts.entries()) {
        const before = client.alerts.slice(0, index).findLast(({ sourceId }) => sourceId === alert.sourceId);
        const [first] = client.alertsOf(alert.incidentId ?? '');
        const isAgain = alert.triggeredAt - (before?.resolvedAt ?? -Infinity) <= 10 * MINUTE;
        if (isAgain) expect(alert.incidentId).toBe(before?.incidentId);
        else expect(alert.triggeredAt - (first?.triggeredAt ?? 0)).toBeLessThanOrEqual(5 * MINUTE);
      }
    });
  });

  it('no message is due before there is something to say, and none is left behind', () => {
    everyCourse('after each plan', (client, rules) => {
      for (const incident of client.incidents) {
        const next = nextMessage(incident, rules);
        if (next === null) continue;
        expect(next.at).toBeGreaterThanOrEqual(incident.untoldSince ?? incident.toldAt ?? Infinity);
        expect(next.at).toBeGreaterThan(client.now);
      }
    });
  });

  it('the beginning is told before what follows, and the end once, last', () => {
    const letters = { opened: 'O', reopened: 'R', flapping: 'F', updated: 'u', reminder: 'm', resolved: 'E' };
    everyCourse('at the end', (client) => {
      for (const { number } of client.incidents) {
        const told = client.said.filter((message) => message.number === number);
        expect(told.map(({ kind }) => letters[kind]).join('')).toMatch(/^([ORF][umF]*E)*([ORF][umF]*)?$/);
      }
    });
  });

  it('flapping is told once each time it begins, and nothing else until it is over', () => {
    everyCourse('at the end', (client) => {
      for (const { id, number } of client.incidents) {
        const told = client.said.filter((message) => message.number === number);
        const turns = client.timeline.filter((entry) => entry.incidentId === id && entry.kind === 'flapping');
        const begun = turns.filter(({ text }) => text.startsWith('Flapping'));
        const flappings = told.filter(({ kind }) => kind === 'flapping');
        expect(flappings.map(({ at }) => at)).toEqual(begun.map(({ at }) => at));
        for (const { at: from } of begun) {
          const until = turns.find(({ at, text }) => at > from && text.startsWith('No longer'))?.at;
          expect(told.filter(({ at }) => at > from && at < (until ?? Infinity))).toEqual([]);
        }
      }
    });
  });

  it('everything is told in the end, and nothing flaps for ever', () => {
    everyCourse('at the end', (client) => {
      client.pass(3 * HOUR);
      for (const { status, isFlapping, untoldSince, toldAt } of client.incidents) {
        expect({ isFlapping, untoldSince }).toEqual({ isFlapping: false, untoldSince: null });
        expect(toldAt === null).toBe(status === 'resolved');
      }
    });
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  escalatesAt,
  nextMessage,
  placeOf,
  quietAt,
  reopened,
  settled,
  withNews,
  type AlertCounts,
} from '../../../src/domain/incident.ts';
import { buildIncident, buildRules, OPENED_AT } from '../../support/buildIncident.ts';

const [SECOND, MINUTE, HOUR] = [1_000, 60_000, 3_600_000];

function buildCounts(overrides: Partial<AlertCounts> = {}): AlertCounts {
  return {
    ...{ firing: 0, acknowledged: 0, resolved: 0, severity: 'critical', sources: ['http_target'] },
    lastResolvedAt: null,
    ...overrides,
  };
}

describe('the place of a new alert', () => {
  const incident = buildIncident();

  it.each([
    [0, 'beside'],
    [5 * MINUTE, 'beside'],
    [-5 * MINUTE, 'beside'],
    [5 * MINUTE + 1, 'new'],
    [-5 * MINUTE - 1, 'new'],
  ])('with an incident that opened %i ms before: %s', (after, kind) => {
    expect(placeOf(OPENED_AT + after, null, [incident], buildRules()).kind).toBe(kind);
  });

  it('is an incident of its own without grouping', () => {
    const rules = buildRules({ isGroupingEnabled: false });
    expect(placeOf(OPENED_AT, null, [incident], rules)).toEqual({ kind: 'new' });
  });

  it.each([
    [10 * MINUTE, 'again'],
    [10 * MINUTE + 1, 'new'],
  ])('is the incident of the same source %i ms after it ended: %s', (after, kind) => {
    const before = { incident, resolvedAt: OPENED_AT + HOUR };
    const rules = buildRules({ isGroupingEnabled: false });
    expect(placeOf(OPENED_AT + HOUR + after, before, [], rules).kind).toBe(kind);
  });

  it('is the last that opened, of several, and never a flapping one', () => {
    const later = buildIncident({ id: 'later', openedAt: OPENED_AT + MINUTE });
    const flapping = buildIncident({ id: 'flapping', openedAt: OPENED_AT + 2 * MINUTE, isFlapping: true });
    expect(placeOf(OPENED_AT + 3 * MINUTE, null, [later, incident, flapping], buildRules())).toEqual({
      kind: 'beside',
      incident: later,
    });
  });
});

describe('an incident that is reopened', () => {
  it('is flapping at the third time, and open at each', () => {
    let incident = buildIncident({ status: 'resolved', resolvedAt: OPENED_AT, toldAt: OPENED_AT });
    const seen = [1, 2, 3].map((minute) => {
      incident = reopened({ ...incident, status: 'resolved' }, OPENED_AT + minute * MINUTE, minute);
      return { isFlapping: incident.isFlapping, status: incident.status, since: incident.activeSince };
    });
    expect(seen).toEqual([
      { isFlapping: false, status: 'open', since: OPENED_AT + MINUTE },
      { isFlapping: false, status: 'open', since: OPENED_AT + 2 * MINUTE },
      { isFlapping: true, status: 'open', since: OPENED_AT + 3 * MINUTE },
    ]);
  });

  it('counts once where many sources fail again together, and each time where one does while others keep it open', () => {
    const over = buildIncident({ status: 'resolved', resolvedAt: OPENED_AT, toldAt: OPENED_AT });
    const together = [1, 1, 1, 1].reduce((sum, recurrences) => reopened(sum, OPENED_AT, recurrences), over);
    expect(together).toMatchObject({ reopenings: 1, isFlapping: false });
    const one = [1, 2, 3].reduce(
      (sum, recurrences) => reopened(sum, OPENED_AT, recurrences),
      buildIncident(),
    );
    expect(one).toMatchObject({ reopenings: 3, isFlapping: true });
  });

  it('that is told as flapping has nothing more to tell', () => {
    const flapping = buildIncident({
      isFlapping: true,
      toldAt: OPENED_AT,
      untoldSince: null,
      untoldUntil: null,
    });
    expect(nextMessage(withNews(flapping, OPENED_AT + MINUTE), buildRules())).toBeNull();
    expect(quietAt(withNews(flapping, OPENED_AT + MINUTE))).toBe(OPENED_AT + MINUTE + HOUR);
  });
});

describe('what its alerts make of an incident', () => {
  it('is over with the last of them, and says when that was', () => {
    const told = buildIncident({ toldAt: OPENED_AT, untoldSince: null, untoldUntil: null });
    const counts = buildCounts({ resolved: 2, lastResolvedAt: OPENED_AT + MINUTE });
    const over = settled(told, counts, OPENED_AT + 2 * MINUTE);
    expect(over).toMatchObject({ status: 'resolved', resolvedAt: OPENED_AT + MINUTE });
    expect(nextMessage(over, buildRules())).toEqual({ kind: 'resolved', at: OPENED_AT + 2 * MINUTE });
  });

  it('is over without a word where nobody was told of it', () => {
    const over = settled(buildIncident(), buildCounts({ resolved: 1 }), OPENED_AT + SECOND);
    expect(over.status).toBe('resolved');
    expect(nextMessage(over, buildRules())).toBeNull();
  });

  it('is acknowledged as soon as each open one is, and no longer when another one fires', () => {
    const all = settled(buildIncident(), buildCounts({ acknowledged: 2, resolved: 1 }), OPENED_AT + MINUTE);
    expect(all.acknowledgedAt).toBe(OPENED_AT + MINUTE);
    expect(settled(all, buildCounts({ acknowledged: 2 }), OPENED_AT + HOUR).acknowledgedAt).toBe(
      OPENED_AT + MINUTE,
    );
    expect(
      settled(all, buildCounts({ acknowledged: 2, firing: 1 }), OPENED_AT + HOUR).acknowledgedAt,
    ).toBeNull();
  });

  it('stays open while it is flapping, until an hour of quiet', () => {
    const flapping = buildIncident({ isFlapping: true, toldAt: OPENED_AT });
    const counts = buildCounts({ resolved: 4 });
    expect(settled(flapping, counts, OPENED_AT + HOUR - 1)).toMatchObject({
      status: 'open',
      isFlapping: true,
    });
    expect(settled(flapping, counts, OPENED_AT + HOUR)).toMatchObject({
      status: 'resolved',
      isFlapping: false,
    });
  });

  it('is of all kinds where it has alerts of several', () => {
    const counts = buildCounts({ firing: 2, sources: ['heartbeat', 'metric'], severity: 'warning' });
    expect(settled(buildIncident(), counts, OPENED_AT)).toMatchObject({ type: 'mixed', severity: 'warning' });
  });
});

describe('the next message', () => {
  it('waits for the group wait, and not at all without grouping', () => {
    expect(nextMessage(buildIncident(), buildRules())).toEqual({
      kind: 'opened',
      at: OPENED_AT + 30 * SECOND,
    });
    const alone = buildRules({ isGroupingEnabled: false });
    expect(nextMessage(buildIncident(), alone)).toEqual({ kind: 'opened', at: OPENED_AT });
  });

  it('waits for the grace period on top', () => {
    const rules = buildRules({ isGroupingEnabled: false, graceMs: MINUTE });
    expect(nextMessage(buildIncident(), rules)?.at).toBe(OPENED_AT + MINUTE);
  });

  it('is never earlier than the group wait, never later than three of it, whenever news comes', () => {
    const property = fc.property(fc.array(fc.nat(200 * SECOND), { maxLength: 20 }), (times) => {
      const incident = times.reduce((sum, after) => withNews(sum, OPENED_AT + after), buildIncident());
      const at = nextMessage(incident, buildRules())?.at ?? 0;
      expect(at).toBeGreaterThanOrEqual(OPENED_AT + 30 * SECOND);
      expect(at).toBeLessThanOrEqual(OPENED_AT + 90 * SECOND);
    });
    fc.assert(property, { numRuns: 100 });
  });

  it('is a reminder while nobody acknowledges', () => {
    const told = buildIncident({ toldAt: OPENED_AT, untoldSince: null, untoldUntil: null });
    const rules = buildRules({ reminderMs: 10 * MINUTE });
    expect(nextMessage(told, rules)).toEqual({ kind: 'reminder', at: OPENED_AT + 10 * MINUTE });
    expect(nextMessage({ ...told, acknowledgedAt: OPENED_AT }, rules)).toBeNull();
    expect(nextMessage({ ...told, isFlapping: true }, rules)).toBeNull();
    expect(nextMessage(told, buildRules())).toBeNull();
  });
});

describe('the escalation chain', () => {
  const told = buildIncident({ toldAt: OPENED_AT + MINUTE });

  it('is called so long after the incident opened', () => {
    expect(escalatesAt(told, 15)).toBe(OPENED_AT + 15 * MINUTE);
    expect(escalatesAt(told, 0)).toBeNull();
  });

  it.each([
    ['acknowledged', { acknowledgedAt: OPENED_AT }],
    ['over', { status: 'resolved' as const }],
    ['flapping', { isFlapping: true }],
    ['not told to anybody yet', { toldAt: null }],
  ])('is not called for one that is %s', (_, overrides) => {
    expect(escalatesAt({ ...told, ...overrides }, 15)).toBeNull();
  });
});

import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FAILURE_CLASSES } from '../../../src/domain/check.ts';
import { isUnreached, NetworkEvidence, withoutNetwork } from '../../../src/domain/ownNetwork.ts';
import { buildFailure } from '../../support/buildCheck.ts';

const START = Date.UTC(2026, 0, 1);
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

let evidence: NetworkEvidence;
let now: number;

beforeEach(() => {
  evidence = new NetworkEvidence();
  now = START;
});

/** A probe of a target that cannot be reached and took no time. @returns whether that is our own fault */
function unreached(target: string): boolean {
  return evidence.unreached(target, now, now);
}

function silentFromNow(): void {
  evidence.referencesSilent(now);
}

/** Of a worker that has been running with everything in order. */
function settled(): void {
  evidence.referencesAnswered(now);
  for (const target of ['a', 'b', 'c', 'd']) evidence.reached(target, now);
  now += MINUTE;
}

describe('what a lost network looks like', () => {
  it('is all that says nothing of the other end', () => {
    const like = FAILURE_CLASSES.filter((failureClass) => isUnreached({ failureClass }));
    expect(like).toEqual(['dns', 'connect', 'timeout', 'monitor']);
    expect(isUnreached({ failureClass: null })).toBe(false);
  });

  it('is said in words, with what was asked', () => {
    const outcome = withoutNetwork(buildFailure(), ['192.0.2.1:443', 'ns.example:53']);
    expect(outcome).toMatchObject({
      failureClass: 'monitor',
      errorMessage:
        'The monitoring server has lost its network: none of its reference addresses answers (192.0.2.1:443, ns.example:53)',
    });
  });

  it('is said shortly where many were asked, and not at all where more is known', () => {
    const many = ['a:1', 'b:1', 'c:1', 'd:1', 'e:1'];
    expect(withoutNetwork(buildFailure(), many).errorMessage).toMatch(/\(a:1, b:1, c:1 and 2 more\)$/);
    const known = buildFailure({ failureClass: 'monitor', errorMessage: 'There is no IPv6 network' });
    expect(withoutNetwork(known, many)).toBe(known);
  });
});

describe('while the references answer, a target that cannot be reached', () => {
  it('is at fault, also where all of them are', () => {
    settled();
    expect(['a', 'b', 'c', 'd'].map(unreached)).toEqual([false, false, false, false]);
    expect(evidence.lostAt).toBeNull();
  });
});

describe('when the references fall silent', () => {
  beforeEach(() => {
    settled();
    silentFromNow();
  });

  it('excuses every target that cannot be reached, the first one too', () => {
    expect(['a', 'b', 'c', 'd'].map(unreached)).toEqual([true, true, true, true]);
  });

  it('is a loss of the network from the first such target on, told of at the third', () => {
    const began = now;
    for (const target of ['a', 'b']) unreached(target);
    expect(evidence.lostAt).toBeNull();
    now += SECOND;
    unreached('b');
    expect(evidence.lostAt).toBeNull();
    unreached('c');
    expect(evidence.lostAt).toBe(began);
  });

  it('is told of after ten seconds where a worker has one target only', () => {
    const began = now;
    unreached('a');
    now += 5 * SECOND;
    silentFromNow();
    expect(evidence.lostAt).toBeNull();
    now += 5 * SECOND;
    silentFromNow();
    expect(evidence.lostAt).toBe(began);
  });

  it('excuses nobody while at least half of the targets answer', () => {
    evidence.reached('a', now);
    evidence.reached('b', now);
    expect(unreached('c')).toBe(false);
    expect(unreached('d')).toBe(false);
    expect(unreached('b')).toBe(true);
  });

  it('counts each target once, by its last outcome', () => {
    evidence.reached('a', now);
    evidence.reached('b', now);
    expect([1, 2, 3, 4].map(() => unreached('c'))).toEqual([false, false, false, false]);
  });

  it('is no loss of the network any more when most targets answer', () => {
    for (const target of ['a', 'b', 'c']) unreached(target);
    now += 2 * MINUTE;
    for (const target of ['a', 'b']) evidence.reached(target, now);
    expect(evidence.lostAt).toBeNull();
    expect(unreached('c')).toBe(false);
  });

  it('is believed for as long as it takes, beside a few targets that answer', () => {
    for (const target of ['a', 'b', 'c']) unreached(target);
    for (let hour = 0; hour < 24; hour += 0.1) {
      now += 6 * MINUTE;
      silentFromNow();
      for (const target of ['a', 'b', 'c']) expect(unreached(target)).toBe(true);
      evidence.reached('d', now);
    }
    expect(evidence.lostAt).not.toBeNull();
  });
});

describe('when a reference answers again', () => {
  beforeEach(() => {
    settled();
    silentFromNow();
    for (const target of ['a', 'b', 'c']) unreached(target);
    now += MINUTE;
    evidence.referencesAnswered(now);
  });

  it('ends the loss', () => {
    expect(evidence.lostAt).toBeNull();
    now += SECOND;
    expect(unreached('a')).toBe(false);
  });

  it('still excuses a probe that began before', () => {
    expect(evidence.unreached('a', now - 20 * SECOND, now + 10 * SECOND)).toBe(true);
  });
});

describe('a short silence in which nothing was looked at', () => {
  it('excuses the probes that were under way', () => {
    settled();
    silentFromNow();
    const began = now;
    now += 10 * SECOND;
    evidence.referencesAnswered(now);
    now += 10 * SECOND;
    expect(evidence.unreached('a', began, now)).toBe(true);
    expect(unreached('b')).toBe(false);
  });
});

describe('references that have never answered', () => {
  beforeEach(silentFromNow);

  it('are believed without limit while nothing else answers: the worker began without a network', () => {
    for (let minute = 0; minute < 600; minute += 1) {
      now += MINUTE;
      silentFromNow();
      expect(unreached('a')).toBe(true);
    }
    expect(evidence.isDoubted).toBe(false);
  });

  it('are doubted as soon as a target answers, and then excuse for five minutes, once', () => {
    evidence.reached('a', now);
    expect(evidence.isDoubted).toBe(true);
    now += MINUTE;
    expect(unreached('a')).toBe(true);
    now += 4 * MINUTE;
    expect(unreached('a')).toBe(true);
    now += MINUTE;
    expect(unreached('a')).toBe(false);
    expect(evidence.lostAt).toBeNull();
    evidence.reached('a', now);
    now += MINUTE;
    expect(unreached('a')).toBe(false);
  });

  it('are doubted as well when the target answers after others were excused', () => {
    for (const target of ['a', 'b', 'c']) unreached(target);
    evidence.reached('d', now);
    now += 6 * MINUTE;
    expect(unreached('a')).toBe(false);
  });

  it('are as good as any others from their first answer on', () => {
    evidence.reached('a', now);
    now += MINUTE;
    evidence.referencesAnswered(now);
    expect(evidence.isDoubted).toBe(false);
    now += MINUTE;
    silentFromNow();
    for (let minute = 0; minute < 60; minute += 1) {
      now += MINUTE;
      expect(unreached('a')).toBe(true);
    }
  });
});

describe('references that are gone for good', () => {
  it('excuse for five minutes when targets have answered beside their silence', () => {
    settled();
    silentFromNow();
    now += 60 * MINUTE;
    evidence.reached('a', now);
    expect(evidence.isDoubted).toBe(true);
    now += 5 * MINUTE;
    expect(unreached('a')).toBe(true);
    now += 6 * MINUTE;
    expect(unreached('a')).toBe(false);
  });

  it('are not doubted for what was on its way when they fell silent', () => {
    settled();
    silentFromNow();
    evidence.reached('a', now + SECOND);
    expect(evidence.isDoubted).toBe(false);
  });
});

describe('any sequence of events', () => {
  const event = fc.oneof(
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant<'references'>('references'), answer: fc.boolean() }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant<'target'>('target'),
        id: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
        isReached: fc.boolean(),
      }),
    },
  );

  it('excuses exactly where, since the references fell silent, most targets were last not reached', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 80 }), (events) => {
        const told = new NetworkEvidence();
        told.referencesAnswered(START);
        // The same rule, told another way: by looking back. All within seconds, so that nothing is doubted or forgotten.
        let sinceSilence: { id: string; isReached: boolean }[] | null = null;
        events.forEach((each, index) => {
          const at = START + index + 1;
          if (each.kind === 'references') {
            if (each.answer) told.referencesAnswered(at);
            else told.referencesSilent(at);
            sinceSilence = each.answer ? null : (sinceSilence ?? []);
            return;
          }
          sinceSilence?.push(each);
          if (each.isReached) {
            told.reached(each.id, at);
            return;
          }
          const last = new Map((sinceSilence ?? []).map(({ id, isReached }) => [id, isReached]));
          const away = [...last.values()].filter((isReached) => !isReached).length;
          expect(told.unreached(each.id, at, at)).toBe(away * 2 > last.size);
        });
      }),
    );
  });
});

import { describe, expect, it } from '@jest/globals';
import { excerpt } from '../../../src/channels/excerpt.ts';
import { cut } from '../../../src/domain/cut.ts';
import { durationInWords, plainText, timeInWords } from '../../../src/channels/words.ts';
import { buildAlert, buildMessage, buildResolved, buildTest } from '../../support/buildDelivery.ts';

describe('durations', () => {
  it.each([
    [-5_000, '0 s'],
    [45_900, '45 s'],
    [60_000, '1 min'],
    [12 * 60_000 + 59_000, '12 min'],
    [3_600_000, '1 h'],
    [3 * 3_600_000 + 5 * 60_000, '3 h 5 min'],
    [2 * 86_400_000 + 4 * 3_600_000, '2 d 4 h'],
  ])('of %d ms are told as "%s"', (ms, words) => {
    expect(durationInWords(ms)).toBe(words);
  });
});

it('tells times in UTC, whatever zone they are written in', () => {
  expect(timeInWords('2026-11-24T08:55:10+01:00')).toBe('2026-11-24 07:55 UTC');
});

describe('a message in plain text', () => {
  it('says what, since when and where to look', () => {
    expect(plainText(buildMessage(), false)).toBe(
      [
        '[CRITICAL] shop is down: Connection refused (#12)',
        '',
        'Critical: shop is down: Connection refused',
        '  since 2026-11-24 07:55 UTC, https://temporal.example/namespaces/default/workflows/http-target-1',
        '',
        'Incident #12, open since 2026-11-24 07:55 UTC',
      ].join('\n'),
    );
  });

  it('says how long a resolved incident lasted, and why it is over', () => {
    const text = plainText(buildResolved(), false);
    expect(text).toContain('[RESOLVED] shop: answers again (#12)');
    expect(text).toContain('Resolved: shop is down: Connection refused (answers again)');
    expect(text).toContain('Incident #12, 2026-11-24 07:55 UTC to 2026-11-24 08:07 UTC, 12 min');
  });

  it('says how many alerts it leaves out, that the incident flaps, and that it may be a repeat', () => {
    const { incident, ...message } = buildMessage({ counts: { firing: 3, acknowledged: 1, resolved: 1 } });
    const flapping = { ...message, incident: incident && { ...incident, isFlapping: true } };
    const text = plainText(flapping, true);
    expect(text).toContain('\n+4 more\n');
    expect(text).toContain('UTC, flapping');
    expect(text).toMatch(/This may be a repeat: [^\n]+$/);
  });

  it('keeps each alert on its line, whatever is in its text', () => {
    const alerts = [buildAlert({ text: 'a\r\nBcc: x@example.com\u2028\u202eb', temporalUrl: null })];
    expect(plainText(buildMessage({ alerts }), false)).toContain('Critical: a Bcc: x@example.com b\n');
  });

  it('is short for a test, which is about no incident', () => {
    expect(plainText(buildTest(), false)).toBe('[TEST] Test message from the monitoring server');
  });
});

describe('what a provider said', () => {
  it('is one line of 200 characters without control characters', () => {
    const kept = excerpt(`  no\r\n\tteam\u0000\u001b[31m ${'x'.repeat(300)}`);
    expect(kept).toMatch(/^no team \[31m x+…$/);
    expect(kept).toHaveLength(200);
  });

  it('has no secrets in it, also where one is a part of another', () => {
    const said = 'Cannot POST /services/T0/token-1234567 (token-1234567)';
    expect(excerpt(said, ['token-1234567', '/services/T0/token-1234567', ''])).toBe('Cannot POST ••• (•••)');
  });

  it('is not cut within a character', () => {
    expect(cut('ab😀😀', 4)).toBe('ab…');
    expect(cut('ab😀', 4)).toBe('ab😀');
  });
});

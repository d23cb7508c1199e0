import { describe, expect, it } from '@jest/globals';
import { makeBatch } from '../../../src/agent/batch.ts';
import { Complaints } from '../../../src/agent/complaints.ts';
import { numeric, text, type Metric } from '../../../src/agent/metric.ts';
import { heardLog } from './heardLog.ts';

const MACHINE = { hostname: 'web-01', os: 'linux', os_version: null };
const NOW = Date.UTC(2026, 10, 24, 12, 0, 0, 7);

describe('a batch', () => {
  const { log, lines } = heardLog();
  const make = (metrics: readonly Metric[]) => makeBatch(MACHINE, metrics, NOW, new Complaints(log));
  const namesOf = (metrics: readonly Metric[]): string[] =>
    make(metrics).body.metrics.map(({ name }) => name);

  it('should say who measured what when, under an id of its own', () => {
    const metrics = [numeric('uptime_seconds', 5, 'seconds'), text('version', '1.0.0')];
    const { id, body } = make(metrics);
    expect(body).toEqual({ machine: MACHINE, metrics, sent_at: '2026-11-24T12:00:00.007Z' });
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(make(metrics).id).not.toBe(id);
  });

  it('should leave out what would have all of it refused, and say so', () => {
    lines.length = 0;
    expect(
      namesOf([
        ...[numeric('good', 1), numeric('endless', Infinity), numeric('none', NaN), numeric('good', 2)],
        ...[numeric('a\nb', 1), numeric('x'.repeat(200), 1), numeric('y'.repeat(201), 1)],
      ]),
    ).toEqual(['good', 'x'.repeat(200)]);
    expect(lines).toEqual([
      'warning: metric endless: is left out: its value is no number',
      'warning: metric none: is left out: its value is no number',
      'warning: metric good: is left out: another one of this machine has the same name',
      'warning: metric a b: is left out: its name has control characters',
      `warning: metric ${'y'.repeat(200)}: is left out: its name is longer than 200 characters`,
    ]);
  });

  it('should cut texts to what ingest takes, and never a character in two', () => {
    const [metric] = make([text('version', `${'v'.repeat(1_023)}😀`)]).body.metrics;
    expect(metric?.value).toBe(`${'v'.repeat(1_023)}\uFFFD`);
    const [other] = make([text('version', 'one\u0000two')]).body.metrics;
    expect(other?.value).toBe('one two');
  });

  it('should have 10,000 metrics at most', () => {
    const names = namesOf(Array.from({ length: 10_001 }, (_, index) => numeric(`metric_${index}`, index)));
    expect(names).toHaveLength(10_000);
    expect(names.at(-1)).toBe('metric_9999');
  });
});

describe('complaints', () => {
  it('should be made once, until they change or are over', () => {
    const { log, lines } = heardLog();
    const complaints = new Complaints(log);
    for (let post = 0; post < 3; post += 1) complaints.about('disk /', 'is not mounted');
    complaints.about('disk /', 'does not answer');
    complaints.about('disk /var', 'is not mounted');
    for (let post = 0; post < 3; post += 1) complaints.settle('disk /');
    complaints.about('disk /', 'is not mounted');
    expect(lines).toEqual([
      'warning: disk /: is not mounted',
      'warning: disk /: does not answer',
      'warning: disk /var: is not mounted',
      'disk /: works again',
      'warning: disk /: is not mounted',
    ]);
  });
});

import { describe, expect, it } from '@jest/globals';
import { SEVERITIES, worstSeverity } from '../../../src/domain/alert.ts';
import { recipientsOf, takes, type Destination, type RoutedAlert } from '../../../src/domain/routing.ts';

function buildDestination(overrides: Partial<Destination> = {}): Destination {
  return {
    ...{ key: 'hook', channelId: 'hook', provider: 'webhook', recipient: 'https://hooks.example/…' },
    ...{ severities: SEVERITIES, sources: null, escalationMinutes: 0 },
    ...overrides,
  };
}

const DOWN: RoutedAlert = { severity: 'critical', source: 'http_target' };
const DISK: RoutedAlert = { severity: 'warning', source: 'metric' };

describe('the rules of a channel', () => {
  it.each([
    [{}, true],
    [{ severities: ['critical' as const] }, true],
    [{ severities: ['info' as const, 'warning' as const] }, false],
    [{ sources: ['http_target' as const] }, true],
    [{ sources: ['metric' as const] }, false],
    [{ sources: ['metric' as const], severities: ['critical' as const] }, false],
  ])('take a target that is down: %j %s', (rules, isTaken) => {
    expect(takes(buildDestination(rules), [DOWN])).toBe(isTaken);
  });

  it('want one alert that fits in both, not two that fit in one each', () => {
    const rules = { severities: ['critical' as const], sources: ['metric' as const] };
    expect(takes(buildDestination(rules), [DOWN, DISK])).toBe(false);
  });
});

describe('who gets a message', () => {
  const all = buildDestination();
  const disks = buildDestination({ key: 'disks', sources: ['metric'] });
  const boss = buildDestination({ key: 'boss', escalationMinutes: 30 });
  const to = (
    kind: Parameters<typeof recipientsOf>[0],
    told: readonly string[],
    untold: readonly RoutedAlert[] = [],
  ) =>
    recipientsOf(kind, [all, disks, boss], { told: new Set(told), open: [DOWN, DISK], untold }).map(
      ({ key }) => key,
    );

  it('is whoever takes one of its alerts, and nobody of the chain that was not called', () => {
    expect(to('opened', [])).toEqual(['hook', 'disks']);
    expect(to('reopened', ['boss'])).toEqual(['hook', 'disks', 'boss']);
  });

  it('is whoever takes what is new, where there is more', () => {
    expect(to('updated', ['hook', 'boss'], [DOWN])).toEqual(['hook', 'boss']);
    expect(to('updated', ['hook'], [DISK])).toEqual(['hook', 'disks']);
  });

  it('is whoever has heard of the beginning, at the end and for a reminder', () => {
    expect(to('resolved', ['disks', 'boss'])).toEqual(['disks', 'boss']);
    expect(to('reminder', ['hook'])).toEqual(['hook']);
    expect(to('resolved', [])).toEqual([]);
  });
});

it('the worst of some severities is the worst, of none it is info', () => {
  expect(worstSeverity(['info', 'critical', 'warning'])).toBe('critical');
  expect(worstSeverity(['info', 'warning'])).toBe('warning');
  expect(worstSeverity([])).toBe('info');
});

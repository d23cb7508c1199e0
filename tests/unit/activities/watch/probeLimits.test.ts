import { describe, expect, it } from '@jest/globals';
import { ProbeLimits } from '../../../../src/activities/watch/probeLimits.ts';
import { until } from '../../../support/until.ts';

/** Probes that run until they are let go. */
class Probes {
  readonly running: string[] = [];
  mostAtOnce = 0;
  private readonly gates = new Map<string, PromiseWithResolvers<string>>();

  readonly start = (name: string): Promise<string> => {
    const gate = Promise.withResolvers<string>();
    this.gates.set(name, gate);
    this.running.push(name);
    this.mostAtOnce = Math.max(this.mostAtOnce, this.running.length);
    return gate.promise;
  };

  end(name: string): void {
    this.running.splice(this.running.indexOf(name), 1);
    this.gates.get(name)?.resolve(name);
  }

  fail(name: string): void {
    this.running.splice(this.running.indexOf(name), 1);
    this.gates.get(name)?.reject(new Error(`${name} failed`));
  }
}

function hostsOf(limits: ProbeLimits): number {
  const hosts: unknown = Reflect.get(limits, 'hosts');
  if (!(hosts instanceof Map)) throw new Error('the hosts are kept elsewhere by now');
  return hosts.size;
}

describe('ProbeLimits', () => {
  it('does not let a host that hangs hold up the others', async () => {
    const limits = new ProbeLimits({ overall: 4, perHost: 2 });
    const probes = new Probes();
    const hanging = ['a1', 'a2', 'a3', 'a4', 'a5'].map((name) => limits.run('a', () => probes.start(name)));
    const other = limits.run('b', () => probes.start('b1'));
    await until(() => probes.running.length === 3);
    expect(probes.running).toEqual(['a1', 'a2', 'b1']);
    probes.end('b1');
    expect(await other).toBe('b1');
    expect(probes.running).toEqual(['a1', 'a2']);
    for (const name of ['a1', 'a2', 'a3', 'a4', 'a5']) {
      await until(() => probes.running.includes(name));
      probes.end(name);
    }
    expect(await Promise.all(hanging)).toEqual(['a1', 'a2', 'a3', 'a4', 'a5']);
  });

  it('probes no more at once than overall, and each in the end', async () => {
    const limits = new ProbeLimits({ overall: 3, perHost: 2 });
    const probes = new Probes();
    const names = Array.from({ length: 20 }, (_, index) => `probe ${index}`);
    const all = names.map((name, index) => limits.run(`host ${index}`, () => probes.start(name)));
    for (const name of names) {
      await until(() => probes.running.includes(name));
      probes.end(name);
    }
    expect(await Promise.all(all)).toEqual(names);
    expect(probes.mostAtOnce).toBe(3);
  });

  it('gives the turn of a probe that threw to the next', async () => {
    const limits = new ProbeLimits({ overall: 5, perHost: 1 });
    const probes = new Probes();
    const first = limits.run('a', () => probes.start('a1'));
    const second = limits.run('a', () => probes.start('a2'));
    await until(() => probes.running.length === 1);
    probes.fail('a1');
    await expect(first).rejects.toThrow('a1 failed');
    await until(() => probes.running.includes('a2'));
    probes.end('a2');
    expect(await second).toBe('a2');
  });

  it('forgets hosts that nobody probes any more, and no others', async () => {
    const limits = new ProbeLimits({ overall: 5, perHost: 1 });
    const probes = new Probes();
    const [first, waiting] = ['a1', 'a2'].map((name) => limits.run('a', () => probes.start(name)));
    await Promise.all(
      Array.from({ length: 100 }, (_, index) => limits.run(`${index}`, () => Promise.resolve())),
    );
    expect(hostsOf(limits)).toBe(1);
    probes.end('a1');
    await first;
    expect(hostsOf(limits)).toBe(1);
    await until(() => probes.running.includes('a2'));
    probes.end('a2');
    await waiting;
    expect(hostsOf(limits)).toBe(0);
  });
});

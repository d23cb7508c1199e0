import { existsSync } from 'node:fs';
import systeminformation from 'systeminformation';
import { boolean, type Metric } from '../metric.ts';
import { runCommand } from '../runCommand.ts';
import { OWN_COMMAND_TIMEOUT_MS, type Collector } from './collector.ts';

/** sd_booted(3). */
const SYSTEMD_RUNS = '/run/systemd/system';
const ACTIVE = new Set(['active', 'reloading', 'refreshing']);

/**
 * Whether the chosen services run: by what systemd says, all of them in one question, and elsewhere by a process of
 * that name.
 */
export function serviceCollector(names: readonly string[], env: NodeJS.ProcessEnv): Collector {
  return {
    subject: 'services',
    collect: (signal) => (existsSync(SYSTEMD_RUNS) ? askSystemd(names, env, signal) : askProcesses(names)),
  };
}

async function askSystemd(
  names: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<Metric[]> {
  const result = await runCommand(['systemctl', 'is-active', '--', ...names], {
    ...{ timeoutMs: OWN_COMMAND_TIMEOUT_MS, signal, env },
  });
  if (result.exitCode === null) throw new Error(`systemctl: ${result.problem}`);
  const states = parseStates(result.stdout);
  if (states.length !== names.length) throw new Error(`systemctl gave no answer: ${result.complaint}`);
  return names.map((name, index) => serviceMetric(name, states[index] === true));
}

/** @param output of `systemctl is-active`: a word for each service, in the order in which they were named */
export function parseStates(output: string): boolean[] {
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ACTIVE.has(line.trim()));
}

async function askProcesses(names: readonly string[]): Promise<Metric[]> {
  const found = await systeminformation.services(names.map(withoutSuffix).join(','));
  const running = new Set(found.filter(({ running }) => running).map(({ name }) => name));
  return names.map((name) => serviceMetric(name, running.has(withoutSuffix(name).toLowerCase())));
}

function serviceMetric(name: string, runs: boolean): Metric {
  return boolean(`service_${withoutSuffix(name)}_ok`, runs);
}

function withoutSuffix(name: string): string {
  return name.replace(/\.service$/, '');
}

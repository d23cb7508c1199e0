import pLimit from 'p-limit';
import type { Complaints } from '../complaints.ts';
import type { CommandMetric } from '../config.ts';
import { boolean, text, type Metric } from '../metric.ts';
import { firstLine, runCommand, type CommandResult } from '../runCommand.ts';
import type { Collector } from './collector.ts';

const AT_ONCE = 4;
/** A decimal number as people and programs write it; no hexadecimal, no infinity. */
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** What a command's end makes of a metric, and what there is to complain about. */
interface Reading {
  readonly metric: Metric | null;
  readonly problem: string | null;
}

/** The metrics that users define: each command is run for each post. */
export function commandCollector(
  commands: readonly CommandMetric[],
  complaints: Complaints,
  env: NodeJS.ProcessEnv,
): Collector {
  const limit = pLimit(AT_ONCE);
  const measure = async (definition: CommandMetric, signal: AbortSignal): Promise<Metric[]> => {
    const { command, timeoutMs } = definition;
    const { metric, problem } = read(definition, await runCommand(command, { timeoutMs, signal, env }));
    const subject = `metric ${definition.name}`;
    if (problem === null) complaints.settle(subject);
    else complaints.about(subject, problem);
    return metric === null ? [] : [metric];
  };
  return {
    subject: 'commands',
    collect: async (signal) =>
      (await Promise.all(commands.map((one) => limit(() => measure(one, signal))))).flat(),
  };
}

/** A number is what was printed, a boolean whether it went well, a text the first line. */
function read({ name, type, unit }: CommandMetric, result: CommandResult): Reading {
  const problem = problemOf(result);
  if (type === 'boolean') return { metric: boolean(name, problem === null), problem };
  if (problem !== null || result.exitCode === null) return { metric: null, problem };
  const printed = firstLine(result.stdout);
  if (type === 'string') return { metric: text(name, printed), problem };
  const value = NUMBER.test(printed) ? Number(printed) : NaN;
  if (!Number.isFinite(value)) {
    return { metric: null, problem: `printed ${JSON.stringify(printed.slice(0, 50))}, which is no number` };
  }
  return { metric: { name, type, value, ...(unit === null ? {} : { unit }) }, problem };
}

function problemOf(result: CommandResult): string | null {
  if (result.exitCode === null) return `its command gave nothing: ${result.problem}`;
  if (result.exitCode === 0) return null;
  const why = result.complaint === '' ? '' : `: ${result.complaint}`;
  return `its command ended with exit code ${result.exitCode}${why}`;
}

import { settlesWithin } from '../start/waitFor.ts';
import { AgentError } from './agentError.ts';
import { BatchBuffer } from './buffer.ts';
import { claimBufferDirectory } from './bufferDirectory.ts';
import { BufferFiles } from './bufferFiles.ts';
import { createCollectors } from './collectMetrics.ts';
import { hourly, readOperatingSystem } from './collectors/versions.ts';
import { Complaints } from './complaints.ts';
import { Delivery } from './delivery.ts';
import { HELP, parseFlags, type Flags } from './flags.ts';
import { createLog, type Log } from './log.ts';
import { Reporter } from './reporter.ts';
import { createSender } from './sender.ts';
import { readSettings, type Settings } from './settings.ts';
import { agentVersion } from './version.ts';

/** Of the two seconds in which it has to end. */
const LOOPS_END_WITHIN_MS = 1_000;

/** What the agent has of the process around it. */
interface Process {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly print: (text: string) => void;
  readonly log: (line: string) => void;
  /** Aborted when the agent is to end. */
  readonly stop: AbortSignal;
}

/** Does what the command line says. @returns the exit code: 1 for what was not done, 2 for what was asked wrongly */
export async function runAgent({ args, env, print, log: write, stop }: Process): Promise<number> {
  let log = createLog(write, { verbose: false });
  try {
    const flags = parseFlags(args);
    log = createLog(write, { verbose: flags.verbose === true });
    if (flags.help === true) print(HELP);
    else if (flags.version === true) print(`${agentVersion()}\n`);
    else return await obey(flags, readSettings(flags, env), { print, log, stop });
    return 0;
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    log.error(error.message);
    return 2;
  }
}

interface Surroundings {
  readonly print: (text: string) => void;
  readonly log: Log;
  readonly stop: AbortSignal;
}

async function obey(flags: Flags, settings: Settings, { print, log, stop }: Surroundings): Promise<number> {
  const complaints = new Complaints(log);
  const operatingSystem = hourly(readOperatingSystem, performance.now.bind(performance));
  const { config, hostname, bufferDirectory, env } = settings;
  const reporter = new Reporter({
    collectors: createCollectors(config, { complaints, operatingSystem, env }),
    ...{ hostname, intervalMs: config.intervalMs, operatingSystem, complaints, log, random: Math.random },
  });
  if (flags['dry-run'] === true) {
    print(`${JSON.stringify((await reporter.measureOnce(stop)).body, null, 2)}\n`);
    return 0;
  }
  const access = settings.access(log.warn);
  const release = claimBufferDirectory(bufferDirectory, log);
  try {
    const files = new BufferFiles(bufferDirectory);
    const buffer = new BatchBuffer({ files, limits: config.buffer, complaints, log });
    await buffer.open();
    const delivery = new Delivery({
      ...{ buffer, send: createSender(access), server: access.server, complaints, log, random: Math.random },
      now: performance.now.bind(performance),
    });
    return flags.once === true
      ? await reportOnce(reporter, { buffer, delivery, log, stop })
      : await reportUntilStopped(reporter, { buffer, delivery, log, stop });
  } finally {
    release();
  }
}

interface Way {
  readonly buffer: BatchBuffer;
  readonly delivery: Delivery;
  readonly log: Log;
  readonly stop: AbortSignal;
}

async function reportOnce(reporter: Reporter, { buffer, delivery, log, stop }: Way): Promise<number> {
  const batch = await reporter.measureOnce(stop);
  const isKept = await buffer.add(batch);
  const isAllTaken = await delivery.runOnce(stop);
  if (buffer.length > 0) log.error(`not all is taken; batches that wait for the next run: ${buffer.length}`);
  return isKept && isAllTaken ? 0 : 1;
}

async function reportUntilStopped(reporter: Reporter, { buffer, delivery, log, stop }: Way): Promise<number> {
  log.info(`monitoring-agent ${agentVersion()}; batches waiting from before: ${buffer.length}`);
  // One that fails ends the other: systemd starts the agent again.
  const either = new AbortController();
  const signal = AbortSignal.any([stop, either.signal]);
  const loops = [reporter.run(buffer, signal), delivery.run(signal)];
  try {
    await Promise.race([Promise.all(loops), ended(stop)]);
    await settlesWithin(Promise.all(loops), LOOPS_END_WITHIN_MS);
  } finally {
    either.abort();
  }
  await buffer.persist();
  const { length, inMemory } = buffer;
  if (inMemory > 0) log.error(`the disk takes nothing, and what was in memory is lost; batches: ${inMemory}`);
  log.info(`ends; batches waiting for the next start: ${length - inMemory}`);
  return 0;
}

async function ended(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

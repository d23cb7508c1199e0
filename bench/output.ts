import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { say } from './progress.ts';

/** Prints a table of what was found, and keeps all of it where `--json file` says. */
export function publish(title: string, table: unknown, result: unknown, jsonFile: string): void {
  say('');
  say(title);
  console.table(table);
  if (jsonFile === '') return;
  writeFileSync(jsonFile, `${JSON.stringify({ title, machine: describeMachine(), result }, null, 2)}\n`);
  say(`written to ${jsonFile}`);
}

function describeMachine(): Record<string, unknown> {
  return {
    at: new Date().toISOString(),
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? 'unknown',
    memoryMb: Math.round(totalmem() / 1_048_576),
    node: process.versions.node,
    loadAverage: loadavg().map((load) => Number(load.toFixed(2))),
  };
}

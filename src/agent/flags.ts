import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { messageOf } from '../start/startError.ts';
import { AgentError } from './agentError.ts';

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  server: { type: 'string' },
  key: { type: 'string' },
  'key-file': { type: 'string' },
  hostname: { type: 'string' },
  interval: { type: 'string' },
  buffer: { type: 'string' },
  once: { type: 'boolean' },
  'dry-run': { type: 'boolean' },
  verbose: { type: 'boolean', short: 'v' },
  version: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsOptionsConfig;

/** What was asked for on the command line; what was not given is absent. */
export type Flags = ReturnType<typeof parse>;

/** @throws AgentError naming the flag that is wrong */
export function parseFlags(args: readonly string[]): Flags {
  try {
    return parse(args);
  } catch (error) {
    // Node's own words go on to explain how to pass what looks like a flag.
    const [reason = ''] = messageOf(error).split('. ');
    throw new AgentError(`${reason}: see monitoring-agent --help.`);
  }
}

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: false }).values;
}

/** Shown by --help. */
export const HELP = `monitoring-agent sends metrics of this machine to a monitoring server.

Usage: monitoring-agent [flags]

  -c, --config FILE     settings in YAML (default /etc/monitoring-agent.yaml, where it exists)
      --server URL      address of the server, without /api/v1
      --key KEY         API key; visible to everybody in the list of processes, so better one of these:
      --key-file FILE   a file that holds the API key, or the variable MONITORING_API_KEY
      --hostname NAME   what the machine is called (default: the name that it has)
      --interval SEC    seconds between two posts (default 30)
      --buffer DIR      where batches wait until the server has taken them
      --once            send one batch, and what still waits, then end: 0 when all of it was taken
      --dry-run         print the batch instead of sending it
  -v, --verbose         say what is sent
      --version         print the version
  -h, --help            print this

Flags win over the config file. All settings: docs/agent.md.
`;

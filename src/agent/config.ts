import type { z } from 'zod';
import type { MetricType } from '../domain/threshold.ts';
import { AgentError } from './agentError.ts';
import { SettingsSchema, type CommandSchema } from './configSchema.ts';

const MEBIBYTE = 1_048_576;

/** A metric that the user defines by a command. */
export interface CommandMetric {
  readonly name: string;
  readonly type: MetricType;
  readonly unit: string | null;
  /** Program and arguments. */
  readonly command: readonly string[];
  readonly timeoutMs: number;
}

/** What is measured beyond what every machine has; null for all that there are. */
export interface Measured {
  /** Mount points. */
  readonly disks: readonly string[] | null;
  readonly interfaces: readonly string[] | null;
  readonly services: readonly string[];
  readonly versions: readonly string[];
  readonly commands: readonly CommandMetric[];
}

/** Everything that can be set, but for the API key. */
export interface AgentConfig extends Measured {
  /** Without a slash at its end; null where none is given. */
  readonly server: string | null;
  readonly hostname: string | null;
  readonly intervalMs: number;
  readonly buffer: BufferConfig;
  readonly key: string | null;
  readonly keyFile: string | null;
}

interface BufferConfig {
  /** null: where this user keeps such things. */
  readonly directory: string | null;
  readonly maxBytes: number;
  /** As many as the hours that were allowed make at the interval. */
  readonly maxBatches: number;
}

type Parsed = z.output<typeof SettingsSchema>;

/** Settings and where they come from, for the message when one is wrong. */
interface Source {
  /** Of the config file; null where there is none. */
  readonly file: { readonly path: string; readonly content: unknown } | null;
  /** They win. */
  readonly flags: readonly FlagSetting[];
}

/** A flag of the command line that stands for a setting of the file. */
export interface FlagSetting {
  readonly flag: string;
  /** The name of the setting, behind that of its group where it has one. */
  readonly setting: readonly [string] | readonly [group: string, string];
  readonly value: string;
}

/** @throws AgentError naming the setting, what is wrong with it and what it should be */
export function parseConfig({ file, flags }: Source): AgentConfig {
  const from = file?.path ?? 'the settings';
  const parsed = SettingsSchema.safeParse(flags.reduce(overridden, file?.content ?? {}));
  if (parsed.success) return toConfig(parsed.data, from);
  const [issue] = parsed.error.issues;
  const wrong = describePath(issue?.path ?? []);
  const flag = flags.find(({ setting }) => describePath(setting) === wrong)?.flag;
  const where = flag ?? (wrong === '' ? from : `${from}: ${wrong}`);
  throw new AgentError(`${where} ${issue?.message ?? 'is wrong'}.`);
}

/** What has no settings in it is left for the schema to refuse. */
function overridden(content: unknown, { setting: [name, inner], value }: FlagSetting): unknown {
  if (typeof content !== 'object' || content === null || Array.isArray(content)) return content;
  if (inner === undefined) return { ...content, [name]: value };
  const group: unknown = Reflect.get(content, name) ?? {};
  return { ...content, [name]: overridden(group, { flag: '', setting: [inner], value }) };
}

function toConfig(settings: Parsed, file: string): AgentConfig {
  const intervalMs = settings.interval_seconds * 1_000;
  const { directory, max_mib, max_hours } = settings.buffer;
  return {
    server: settings.server ?? null,
    hostname: settings.hostname ?? null,
    intervalMs,
    buffer: {
      directory: directory ?? null,
      maxBytes: max_mib * MEBIBYTE,
      maxBatches: Math.ceil((max_hours * 3_600_000) / intervalMs),
    },
    key: settings.key ?? null,
    keyFile: settings.key_file ?? null,
    disks: settings.disks ?? null,
    interfaces: settings.interfaces ?? null,
    services: settings.services,
    versions: settings.versions,
    commands: settings.metrics.map((metric, index) =>
      toCommand(metric, intervalMs, `${file}: metrics[${index}]`),
    ),
  };
}

function toCommand(metric: z.output<typeof CommandSchema>, intervalMs: number, where: string): CommandMetric {
  const { name, type, unit, command, timeout_seconds: seconds } = metric;
  if (seconds !== undefined && seconds * 1_000 > intervalMs) {
    throw new AgentError(
      `${where}.timeout_seconds should be at most the interval, which is ${intervalMs / 1_000} seconds.`,
    );
  }
  if (unit !== undefined && type !== 'numeric') {
    throw new AgentError(`${where}.unit should be left out: only numeric metrics have one.`);
  }
  return {
    ...{ name, type, unit: unit ?? null },
    command: typeof command === 'string' ? ['/bin/sh', '-c', command] : command,
    timeoutMs: seconds === undefined ? Math.min(10_000, intervalMs) : seconds * 1_000,
  };
}

/** `metrics[0].type`, as one would write it in a program. */
function describePath(parts: readonly PropertyKey[]): string {
  return parts
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index > 0 ? '.' : ''}${String(part)}`))
    .join('');
}

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { z } from 'zod';
import { FAULT_POINTS, type FaultPoint } from './faultPoints.ts';

/** A setting that is missing or wrong: its message is one sentence a person can act on. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** File under `DATA_DIR` in which the first start of an embedded stack keeps the secrets that it generated. */
export const SECRETS_FILE = 'secrets.env';

/** A whole number in a range; the message is the same whatever is wrong. */
const wholeNumber = (min: number, max: number) =>
  z.coerce
    .number({ error: `should be a whole number from ${min} to ${max}` })
    .refine((value) => Number.isInteger(value) && value >= min && value <= max, {
      error: `should be a whole number from ${min} to ${max}`,
    });
const whole = (min: number, max: number, fallback: number) => wholeNumber(min, max).default(fallback);
export const LAST_PORT = 65_535;
const port = (fallback: number) => whole(1, LAST_PORT, fallback);
const flag = z
  .enum(['0', '1', 'true', 'false'])
  .default('0')
  .transform((text) => text === '1' || text === 'true');
const optionalText = z.string().min(1).optional();

const postgresUrl = z
  .string()
  .transform((text) => text.replace(/^postgresql\+psycopg:\/\//, 'postgresql://'))
  .refine((text) => /^postgres(ql)?:\/\//.test(text) && URL.canParse(text), {
    message: 'should look like postgresql://user:password@host:5432/database',
  });

const encryptionKey = z.string().transform((text, context) => {
  const bytes = /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64');
  if (bytes.length === 32) return bytes;
  context.addIssue({ code: 'custom', message: 'should be 32 bytes, as 64 hex digits or in base64' });
  return z.NEVER;
});

const slackWebhookUrl = z.url({
  protocol: /^https?$/,
  error: 'should be the address of an incoming webhook',
});

const referenceAddresses = z.string().transform((text, context) => {
  const addresses = text
    .split(',')
    .map((address) => address.trim())
    .filter((address) => address !== '');
  const parsed = addresses.map((address) => /^(?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})$/.exec(address));
  if (parsed.every((match) => match !== null && Number(match[3]) <= LAST_PORT)) {
    return parsed.map((match) => ({ host: match?.[1] ?? match?.[2] ?? '', port: Number(match?.[3]) }));
  }
  context.addIssue({ code: 'custom', message: 'should be host:port, several separated by commas' });
  return z.NEVER;
});

const Environment = z.object({
  PORT: port(8000),
  DATA_DIR: z.string().min(1).default('.data'),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  DATABASE_URL: postgresUrl.optional(),
  DATABASE_MIGRATION_URL: postgresUrl.optional(),
  POSTGRES_PORT: port(54_329),
  POSTGRES_PASSWORD: optionalText,
  TEMPORAL_ADDRESS: z
    .string()
    .regex(/^[^\s/:]+:\d{1,5}$/, 'should be host:port, for example 127.0.0.1:7233')
    .optional(),
  TEMPORAL_PORT: port(7233),
  TEMPORAL_UI_PORT: port(8233),
  TEMPORAL_UI_URL: z.url({ protocol: /^https?$/ }).optional(),
  TEMPORAL_NAMESPACE: z.string().min(1).default('default'),
  TEMPORAL_API_KEY: optionalText,
  TEMPORAL_TLS_CA_FILE: optionalText,
  TEMPORAL_TLS_CERT_FILE: optionalText,
  TEMPORAL_TLS_KEY_FILE: optionalText,
  TASK_QUEUE_PREFIX: z.string().max(100).default(''),
  SEED_API_KEY: z.string().min(16, 'should be at least 16 characters').optional(),
  SEED_USER_EMAIL: z.email().optional(),
  SEED_USER_PASSWORD: z.string().min(8, 'should be at least 8 characters').optional(),
  ENCRYPTION_KEY: encryptionKey.optional(),
  HTTP_MONITORING_INTERVAL_SECONDS: whole(5, 86_400, 300),
  EVALUATION_INTERVAL_SECONDS: whole(1, 86_400, 60),
  HEARTBEAT_INTERVAL_SECONDS: whole(1, 86_400, 120),
  RECONCILE_INTERVAL_SECONDS: whole(1, 86_400, 60),
  TRUST_PROXY: z.string().default('0'),
  BLOCK_PRIVATE_TARGETS: flag,
  RATE_LIMIT_API: whole(1, 1_000_000, 50),
  RATE_LIMIT_INGEST: whole(1, 1_000_000, 1_000),
  RETENTION_CHECKS_DAYS: whole(1, 3_650, 30),
  RETENTION_SAMPLES_DAYS: whole(1, 3_650, 90),
  FAULT_POINT: z.enum(FAULT_POINTS, { error: 'should be one of src/faultPoints.ts' }).optional(),
  ALERT_GROUP_WAIT_SECONDS: whole(0, 3_600, 30),
  STUB_SLACK: flag,
  SLACK_WEBHOOK_URL: slackWebhookUrl.optional(),
  SLACK_WEBHOOK: slackWebhookUrl.optional(),
  SMTP_URL: z
    .url({ protocol: /^smtps?$/, error: 'should look like smtp://user:password@host:587' })
    .optional(),
  SMTP_FROM: z.string().min(3).max(320).default('Monitoring <monitoring@localhost>'),
  REFERENCE_ADDRESSES: referenceAddresses.default([]),
  WORKER_PROCESSES: whole(1, 64, 1),
  WORKER_NAME: z
    .string()
    .regex(/^[\w.-]{1,100}$/, 'should be 1 to 100 letters, digits, dots, dashes or underscores')
    .default('worker'),
  WORKER_METRICS_PORT: wholeNumber(1, LAST_PORT).optional(),
  WORKER_METRICS_HOST: z.string().min(1).default('127.0.0.1'),
});

/** Everything that can be set from outside, checked once and frozen. Units are in the names. */
export interface Config {
  readonly port: number;
  /** Absolute path of all embedded state. */
  readonly dataDir: string;
  readonly logLevel: string;
  readonly database: {
    readonly embedded: boolean;
    readonly url: string;
    readonly migrationUrl: string;
    /** Port of the embedded server; unused when `embedded` is false. */
    readonly port: number;
  };
  readonly temporal: {
    readonly embedded: boolean;
    readonly address: string;
    /** Ports of the embedded dev server; unused when `embedded` is false. */
    readonly port: number;
    readonly uiPort: number;
    /** Address of the Temporal UI without a trailing slash, or null when nobody told us. */
    readonly uiUrl: string | null;
    readonly namespace: string;
    readonly apiKey: string | null;
    readonly tls: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string };
    readonly taskQueuePrefix: string;
  };
  /** The dev client's key and login, or null where none is given. */
  readonly seed: {
    readonly apiKey: string;
    readonly userEmail: string;
    readonly userPassword: string;
  } | null;
  /** 32 bytes, AES-256. */
  readonly encryptionKey: Buffer;
  readonly defaultCheckIntervalSeconds: number;
  readonly reconcileIntervalSeconds: number;
  /** How often metrics are compared with their thresholds. */
  readonly evaluationIntervalSeconds: number;
  /** How often the heartbeats of machines are compared with their workflows. */
  readonly heartbeatIntervalSeconds: number;
  /** Addresses (or CIDR ranges) of proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
  readonly blockPrivateTargets: boolean;
  readonly apiRateLimitPerSecond: number;
  readonly ingestRateLimitPerSecond: number;
  /** How long each check is kept; its rollups stay longer. */
  readonly retentionChecksDays: number;
  /** The same for the samples of metrics. */
  readonly retentionSamplesDays: number;
  readonly notifications: {
    /** How long the first message about an incident waits for alerts that belong to it. */
    readonly groupWaitSeconds: number;
    /** Messages to Slack are recorded as sent, and not sent. */
    readonly stubSlack: boolean;
    /** For clients that have no webhook of their own. */
    readonly slackWebhookUrl: string | null;
    /** Null where no mail can be sent. */
    readonly smtp: { readonly url: string; readonly from: string } | null;
  };
  /** Where a worker of a test is to die; null everywhere else. */
  readonly faultPoint: FaultPoint | null;
  /** What a worker asks whether its own network works, when most of its targets fail; none: it does not ask. */
  readonly referenceAddresses: readonly { readonly host: string; readonly port: number }[];
  /** How many worker processes `make start` runs. */
  readonly workerProcesses: number;
  /** What people call this worker process by. */
  readonly workerName: string;
  /** Where this worker process serves its metrics; null where it does not. */
  readonly workerMetrics: { readonly host: string; readonly port: number } | null;
}

type EnvironmentValues = Readonly<Record<string, string | undefined>>;

/**
 * Reads `ENV_FILE` (default `.env`), then `DATA_DIR/secrets.env` where something is embedded; the real
 * environment wins over the first, both win over the second.
 *
 * @throws ConfigError naming the variable and what it should be.
 */
export function loadConfig(environment: EnvironmentValues = process.env): Config {
  const { values: given, dataDir, somethingEmbedded } = givenSettings(environment);
  const secrets = somethingEmbedded ? readEnvFile(resolve(dataDir, SECRETS_FILE), { required: false }) : {};

  const parsed = Environment.safeParse({ ...secrets, ...given });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new ConfigError(`${String(issue?.path[0])} is not usable: ${issue?.message ?? 'invalid value'}.`);
  }
  return Object.freeze(toConfig(parsed.data, dataDir));
}

/** What was set by hand, before anything that was generated or has a default. */
export interface GivenSettings {
  /** `ENV_FILE` and the real environment, which wins; empty values count as not set. */
  readonly values: EnvironmentValues;
  readonly dataDir: string;
  /** Whether Postgres or Temporal is ours to start. */
  readonly somethingEmbedded: boolean;
}

/** @throws ConfigError when `ENV_FILE` names a file that cannot be read. */
export function givenSettings(environment: EnvironmentValues = process.env): GivenSettings {
  const named = environment['ENV_FILE'];
  const file = readEnvFile(named ?? '.env', { required: named !== undefined && named !== '' });
  const values = withoutEmpty({ ...file, ...environment });
  return {
    values,
    dataDir: resolve(values['DATA_DIR'] ?? '.data'),
    somethingEmbedded: values['DATABASE_URL'] === undefined || values['TEMPORAL_ADDRESS'] === undefined,
  };
}

function toConfig(env: z.output<typeof Environment>, dataDir: string): Config {
  const embeddedDatabase = env.DATABASE_URL === undefined;
  const embeddedTemporal = env.TEMPORAL_ADDRESS === undefined;
  const databaseUrl =
    env.DATABASE_URL ??
    `postgresql://monitoring:${encodeURIComponent(env.POSTGRES_PASSWORD ?? '')}@127.0.0.1:${env.POSTGRES_PORT}/monitoring`;
  return {
    port: env.PORT,
    dataDir,
    logLevel: env.LOG_LEVEL,
    database: {
      embedded: embeddedDatabase,
      url: databaseUrl,
      migrationUrl: env.DATABASE_MIGRATION_URL ?? databaseUrl,
      port: env.POSTGRES_PORT,
    },
    temporal: {
      embedded: embeddedTemporal,
      address: env.TEMPORAL_ADDRESS ?? `127.0.0.1:${env.TEMPORAL_PORT}`,
      port: env.TEMPORAL_PORT,
      uiPort: env.TEMPORAL_UI_PORT,
      uiUrl:
        env.TEMPORAL_UI_URL?.replace(/\/+$/, '') ??
        (embeddedTemporal ? `http://127.0.0.1:${env.TEMPORAL_UI_PORT}` : null),
      namespace: env.TEMPORAL_NAMESPACE,
      apiKey: env.TEMPORAL_API_KEY ?? null,
      tls: {
        ...(env.TEMPORAL_TLS_CA_FILE === undefined ? {} : { caFile: env.TEMPORAL_TLS_CA_FILE }),
        ...(env.TEMPORAL_TLS_CERT_FILE === undefined ? {} : { certFile: env.TEMPORAL_TLS_CERT_FILE }),
        ...(env.TEMPORAL_TLS_KEY_FILE === undefined ? {} : { keyFile: env.TEMPORAL_TLS_KEY_FILE }),
      },
      taskQueuePrefix: env.TASK_QUEUE_PREFIX,
    },
    seed: seedOf(env),
    encryptionKey: required(
      env.ENCRYPTION_KEY,
      'ENCRYPTION_KEY',
      '32 random bytes in base64 (openssl rand -base64 32)',
    ),
    defaultCheckIntervalSeconds: env.HTTP_MONITORING_INTERVAL_SECONDS,
    reconcileIntervalSeconds: env.RECONCILE_INTERVAL_SECONDS,
    evaluationIntervalSeconds: env.EVALUATION_INTERVAL_SECONDS,
    heartbeatIntervalSeconds: env.HEARTBEAT_INTERVAL_SECONDS,
    trustedProxies: env.TRUST_PROXY === '0' ? [] : env.TRUST_PROXY.split(',').map((text) => text.trim()),
    blockPrivateTargets: env.BLOCK_PRIVATE_TARGETS,
    apiRateLimitPerSecond: env.RATE_LIMIT_API,
    ingestRateLimitPerSecond: env.RATE_LIMIT_INGEST,
    retentionChecksDays: env.RETENTION_CHECKS_DAYS,
    retentionSamplesDays: env.RETENTION_SAMPLES_DAYS,
    notifications: {
      groupWaitSeconds: env.ALERT_GROUP_WAIT_SECONDS,
      stubSlack: env.STUB_SLACK,
      slackWebhookUrl: env.SLACK_WEBHOOK_URL ?? env.SLACK_WEBHOOK ?? null,
      smtp: env.SMTP_URL === undefined ? null : { url: env.SMTP_URL, from: env.SMTP_FROM },
    },
    faultPoint: env.FAULT_POINT ?? null,
    referenceAddresses: env.REFERENCE_ADDRESSES,
    workerProcesses: env.WORKER_PROCESSES,
    workerName: env.WORKER_NAME,
    workerMetrics:
      env.WORKER_METRICS_PORT === undefined
        ? null
        : { host: env.WORKER_METRICS_HOST, port: env.WORKER_METRICS_PORT },
  };
}

function seedOf(env: z.output<typeof Environment>): Config['seed'] {
  const { SEED_API_KEY: apiKey, SEED_USER_EMAIL: userEmail, SEED_USER_PASSWORD: userPassword } = env;
  if (apiKey === undefined || userEmail === undefined || userPassword === undefined) return null;
  return { apiKey, userEmail, userPassword };
}

/** Gives the value back, or says which variable to set. */
export function required<T>(value: T | null | undefined, variable: string, meaning: string): T {
  if (value !== null && value !== undefined) return value;
  throw new ConfigError(`${variable} is not set: give it ${meaning}, in the environment or in ENV_FILE.`);
}

function readEnvFile(path: string, { required: mustExist }: { required: boolean }): EnvironmentValues {
  try {
    return parseEnv(readFileSync(path, 'utf8'));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' && !mustExist) return {};
    throw new ConfigError(`The environment file ${path} cannot be read (${code ?? String(error)}).`);
  }
}

/** `NAME=` in a file or a shell means "not set". */
function withoutEmpty(values: EnvironmentValues): EnvironmentValues {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined && value !== ''),
  );
}

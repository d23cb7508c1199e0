import type { Config } from '../src/config.ts';
import { createOrm } from '../src/db/orm.ts';

/** Connections of the recorder's pool: it writes groups, so two keep Postgres busy. */
const RECORDER_POOL = 2;
const READER_POOL = 4;
/** Watches begin, end and move here. */
const WATCHES_POOL = 2;
/** Whatever others wait for, it must not make a worker look dead. */
const LEASE_POOL = 1;
/** Workflow tasks wait for judgements of silence; the sweep has the other one. */
const HEARTBEAT_POOL = 3;
/** As many as the workflow evaluates at once. */
const EVALUATION_POOL = 2;
const EVALUATION_STATEMENT_MS = 60_000;
/** Plans of clients, at most four at once, and the sweep. */
const ALERTING_POOL = 5;
const ALERTING_STATEMENT_MS = 30_000;
/** Rows of the ledger before and after each attempt. */
const LEDGER_POOL = 2;
/** Rollups and retention: few, long statements. */
const STORAGE_POOL = 2;
const STORAGE_STATEMENT_MS = 120_000;
/** The pools of a worker process. */
export type WorkerDatabase = ReturnType<typeof openWorkerDatabase>;

export function openWorkerDatabase({ database: { url, migrationUrl } }: Config) {
  const recorder = createOrm({ url, applicationName: 'monitoring-recorder', poolSize: RECORDER_POOL });
  const reader = createOrm({ url, applicationName: 'monitoring-worker', poolSize: READER_POOL });
  const watches = createOrm({ url, applicationName: 'monitoring-watches', poolSize: WATCHES_POOL });
  const leases = createOrm({ url, applicationName: 'monitoring-leases', poolSize: LEASE_POOL });
  const heartbeats = createOrm({ url, applicationName: 'monitoring-heartbeats', poolSize: HEARTBEAT_POOL });
  const evaluation = createOrm({
    url,
    applicationName: 'monitoring-evaluation',
    poolSize: EVALUATION_POOL,
    statementTimeoutMs: EVALUATION_STATEMENT_MS,
  });
  const ledger = createOrm({ url, applicationName: 'monitoring-ledger', poolSize: LEDGER_POOL });
  const alerting = createOrm({
    url,
    applicationName: 'monitoring-alerting',
    poolSize: ALERTING_POOL,
    statementTimeoutMs: ALERTING_STATEMENT_MS,
  });
  const storage = createOrm({
    url: migrationUrl,
    applicationName: 'monitoring-storage',
    poolSize: STORAGE_POOL,
    statementTimeoutMs: STORAGE_STATEMENT_MS,
  });
  return {
    ...{ recorder, reader, watches, leases, heartbeats, evaluation, alerting, ledger, storage },
    close: async () => {
      const all = [recorder, reader, watches, leases, heartbeats, evaluation, alerting, ledger, storage];
      await Promise.all(all.map((orm) => orm.close()));
    },
  };
}

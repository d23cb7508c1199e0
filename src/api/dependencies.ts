import type { MikroORM } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import type { HttpTargetWorkflows } from '../../temporal/httpTargetWorkflows.ts';
import type { MachineHeartbeats } from '../../temporal/machineHeartbeats.ts';
import type { Config } from '../config.ts';
import type { SecretBox } from '../db/encryption.ts';
import type { AddressGuard } from '../net/addressGuard.ts';
import type { Clock } from '../domain/clock.ts';
import type { TemporalReadiness } from './health/readiness.ts';
import type { IngestHealth } from './ingest/ingestHealth.ts';

/** What the API needs from outside; nothing in it is global. */
export interface ApiDependencies {
  readonly config: Config;
  readonly orm: MikroORM;
  readonly secrets: SecretBox;
  readonly targetWorkflows: HttpTargetWorkflows;
  readonly machineHeartbeats: MachineHeartbeats;
  readonly addressGuard: AddressGuard;
  readonly readiness: TemporalReadiness;
  readonly ingestHealth: IngestHealth;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Aborted when the server is to stop: who waits for something answers then. */
  readonly stopping?: AbortSignal;
}

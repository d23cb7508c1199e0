import { sql, type RawBuilder } from 'kysely';
import type { MikroORM } from '@mikro-orm/postgresql';
import { createOrm } from '../../src/db/orm.ts';
import { DEV_CLIENT_ID } from '../../src/db/seeders/devAccess.ts';
import type { MachineStatus } from '../../src/domain/heartbeat.ts';
import { createTestDatabase } from './testDatabase.ts';

export interface MachineOptions {
  readonly clientId?: string;
  readonly hostname?: string;
  readonly status?: MachineStatus;
  readonly episode?: number;
  /** null: it never reported. */
  readonly seenSecondsAgo?: number | null;
  readonly isPaused?: boolean;
  readonly isDeleted?: boolean;
}

interface TransitionRow {
  readonly episode: number;
  readonly from_status: string;
  readonly to_status: string;
}

/** A database of its own in which machines are as a test wants them, the pulse of ingest included. */
export interface MachineDatabase {
  readonly url: string;
  readonly orm: MikroORM;
  /** By default one that is up and reported just now. @returns its id */
  readonly create: (options?: MachineOptions) => Promise<string>;
  /** A client whose machines may be silent for so long. @returns its id */
  readonly createClient: (thresholdMinutes: number) => Promise<string>;
  readonly setSeen: (id: string, secondsAgo: number) => Promise<void>;
  readonly setPulse: (secondsAgo: number) => Promise<void>;
  readonly addOutage: (beganSecondsAgo: number, endedSecondsAgo: number) => Promise<void>;
  readonly state: (id: string) => Promise<{ status: MachineStatus; episode: number }>;
  /** Oldest first. */
  readonly transitions: (id: string) => Promise<TransitionRow[]>;
  readonly execute: (statement: RawBuilder<unknown>) => Promise<void>;
  readonly close: () => Promise<void>;
}

export async function openMachineDatabase(): Promise<MachineDatabase> {
  const { url, drop } = await createTestDatabase();
  const orm = createOrm({ url, applicationName: 'test', poolSize: 10 });
  const machines = machineRows(orm);
  return {
    ...{ url, orm },
    ...machines,
    close: async () => {
      await orm.close();
      await drop();
    },
  };
}

/** The same in a database that is there. */
export function machineRows(orm: MikroORM): Omit<MachineDatabase, 'url' | 'orm' | 'close'> {
  const db = () => orm.em.fork().getKysely<object>();
  const execute = async (statement: RawBuilder<unknown>): Promise<void> => {
    await statement.execute(db());
  };
  return {
    execute,
    create: async (options = {}) => {
      const id = crypto.randomUUID();
      const seconds = options.seenSecondsAgo === undefined ? 0 : options.seenSecondsAgo;
      await execute(sql`
        with machine as (
          insert into machines (id, client_id, hostname, is_paused, unregistered_at)
          values (${id}, ${options.clientId ?? DEV_CLIENT_ID}, ${options.hostname ?? id}, ${options.isPaused ?? false},
            ${options.isDeleted === true ? sql`now()` : null})
          returning key
        )
        insert into machine_states (machine_key, status, episode, last_seen_at, last_state_change_at)
        select key, ${options.status ?? 'up'}, ${options.episode ?? 0},
          now() - ${seconds}::float8 * interval '1 second', now() - interval '1 day' from machine
      `);
      return id;
    },
    createClient: async (thresholdMinutes) => {
      const id = crypto.randomUUID();
      await execute(sql`insert into clients (id, name) values (${id}, 'Test')`);
      await execute(sql`
        insert into client_settings (client_id, heartbeat_threshold_minutes) values (${id}, ${thresholdMinutes})
      `);
      return id;
    },
    setSeen: (id, secondsAgo) =>
      execute(sql`
        update machine_states set last_seen_at = now() - ${secondsAgo}::float8 * interval '1 second'
        where machine_key = (select key from machines where id = ${id})
      `),
    setPulse: (secondsAgo) =>
      execute(sql`update ingest_pulse set at = now() - ${secondsAgo}::float8 * interval '1 second'`),
    addOutage: (beganSecondsAgo, endedSecondsAgo) =>
      execute(sql`
        insert into ingest_outages (began_at, ended_at) values (
          now() - ${beganSecondsAgo}::float8 * interval '1 second',
          now() - ${endedSecondsAgo}::float8 * interval '1 second')
      `),
    state: async (id) => {
      const { rows } = await sql<{ status: MachineStatus; episode: number }>`
        select s.status, s.episode from machine_states s join machines m on m.key = s.machine_key where m.id = ${id}
      `.execute(db());
      const [row] = rows;
      if (row === undefined) throw new Error(`There is no machine ${id}.`);
      return row;
    },
    transitions: async (id) => {
      const { rows } = await sql<TransitionRow>`
        select t.episode, t.from_status, t.to_status
        from machine_transitions t join machines m on m.key = t.machine_key where m.id = ${id} order by t.id
      `.execute(db());
      return rows;
    },
  };
}

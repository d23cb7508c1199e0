import { Migration } from '@mikro-orm/migrations';

/**
 * Machines, their metrics, and what the evaluation knows of each. What ingest writes and what the evaluation writes
 * are rows of different tables: neither waits for the other.
 */
export class Migration0005Machines extends Migration {
  override up(): void {
    this.addSql(`
      create table machines (
        id uuid primary key,
        key integer generated always as identity constraint machines_key_unique unique,
        client_id uuid not null references clients (id),
        hostname text not null,
        os_type text,
        os_version text,
        is_paused boolean not null default false,
        version integer not null default 1,
        registered_at timestamptz not null default now(),
        unregistered_at timestamptz
      );
      create unique index machines_client_hostname_unique
        on machines (client_id, lower(hostname)) where unregistered_at is null;
      create index machines_client_registered on machines (client_id, registered_at, id) where unregistered_at is null;
      comment on column machines.version is 'Grows with every change that its workflow has to hear of, the threshold of its client included.';

      create table machine_states (
        machine_key integer primary key references machines (key) on delete cascade,
        status text not null default 'unknown' check (status in ('unknown', 'up', 'down', 'paused')),
        episode integer not null default 0,
        last_seen_at timestamptz,
        last_state_change_at timestamptz
      ) with (fillfactor = 50);
      comment on table machine_states is 'One row a machine, rewritten in place with every post of its agent.';
      comment on column machine_states.last_seen_at is 'When the server received something, never what the machine says.';

      create table machine_transitions (
        id bigint generated always as identity primary key,
        machine_key integer not null references machines (key) on delete cascade,
        episode integer not null,
        from_status text not null,
        to_status text not null,
        at timestamptz not null default now(),
        last_seen_at timestamptz
      );
      create index machine_transitions_machine on machine_transitions (machine_key, id);
      comment on table machine_transitions is 'Written in the transaction that changes machine_states, so exactly once.';

      create table ingest_pulse (
        only_row boolean primary key default true check (only_row),
        at timestamptz not null default now()
      );
      insert into ingest_pulse default values;
      comment on table ingest_pulse is 'Every API process renews it while it serves: silence counts only while it beats.';

      create table ingest_outages (
        began_at timestamptz primary key,
        ended_at timestamptz not null
      );
      create index ingest_outages_ended_at on ingest_outages (ended_at);
      comment on table ingest_outages is 'When nobody could post, because no API process lived or Postgres was away.';

      create function heartbeat_deadline(last_seen timestamptz, threshold interval) returns timestamptz
      language sql stable as $$
        select greatest(
          last_seen + threshold + coalesce(sum(ended_at - greatest(began_at, last_seen)), interval '0'),
          max(ended_at) + interval '2 minutes')
        from ingest_outages where ended_at > last_seen
      $$;
      comment on function heartbeat_deadline is 'When a machine last seen then counts as silent: extended by the outages of ingest itself, with time to come back after the last one.';

      create table ingests (
        id uuid primary key,
        content uuid not null,
        received_at timestamptz not null,
        machine_key integer not null,
        metrics integer not null
      );
      create index ingests_received_at on ingests (received_at);
      comment on table ingests is 'What was accepted, so that the same again is stored once. id: hash of client and X-Ingest-Id; content: hash of what it said.';
    `);
    this.addSql(`
      create table metric_definitions (
        id uuid primary key default gen_random_uuid(),
        client_id uuid not null references clients (id),
        name text not null,
        type text not null check (type in ('numeric', 'boolean', 'string')),
        group_name text,
        description text,
        vendor text,
        is_suggested_critical boolean not null default false,
        default_condition text,
        constraint metric_definitions_unique unique (client_id, name, type)
      );
      comment on table metric_definitions is 'What the metrics of a name have in common on all machines of a client.';

      create table metric_instances (
        id uuid primary key default gen_random_uuid(),
        key integer generated always as identity constraint metric_instances_key_unique unique,
        client_id uuid not null,
        machine_key integer not null references machines (key) on delete cascade,
        definition_id uuid not null references metric_definitions (id),
        name text not null,
        dimension_value text,
        type text not null check (type in ('numeric', 'boolean', 'string')),
        unit text,
        is_alerting_enabled boolean not null default true,
        is_paused boolean not null default false,
        created_at timestamptz not null default now(),
        constraint metric_instances_unique unique (machine_key, name)
      );
      create index metric_instances_client on metric_instances (client_id, key);
      create index metric_instances_definition on metric_instances (definition_id);
      comment on column metric_instances.name is 'As it is sent: "disk_used[/var]" is the definition disk_used with the dimension /var.';

      create table metric_latest (
        metric_key integer primary key references metric_instances (key) on delete cascade,
        at timestamptz,
        received_at timestamptz,
        usual_gap_ms integer not null default 0,
        num_value double precision,
        bool_value boolean,
        str_value text
      ) with (fillfactor = 50);
      comment on table metric_latest is 'The newest sample of each metric; written by ingest alone, in place.';
      comment on column metric_latest.at is 'Time of the newest sample, and when that one came: a late one changes neither, so a machine whose clock went back is stale until it is right again.';
      comment on column metric_latest.usual_gap_ms is 'The longest of the recent times between two samples received.';

      create table thresholds (
        id uuid primary key default gen_random_uuid(),
        metric_key integer not null references metric_instances (key) on delete cascade,
        name text not null default 'default',
        comparison text not null check (comparison in ('gt', 'ge', 'lt', 'le', 'eq', 'ne', 'contains', 'outside')),
        value_num double precision,
        value_bool boolean,
        value_str text,
        value_low double precision,
        value_high double precision,
        recovery_value double precision,
        severity text not null default 'warning' check (severity in ('info', 'warning', 'critical')),
        is_active boolean not null default true,
        consecutive_breaches integer not null default 1,
        cooldown_sec integer not null default 0,
        min_duration_sec integer not null default 0,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now(),
        constraint thresholds_unique unique (metric_key, name)
      );

      create table metric_evaluations (
        metric_key integer primary key references metric_instances (key) on delete cascade,
        state text not null default 'ok' check (state in ('ok', 'breached', 'stale')),
        episode integer not null default 0,
        streak integer not null default 0,
        streak_since timestamptz,
        evaluated_until timestamptz,
        recovered_at timestamptz,
        threshold_id uuid,
        threshold_updated_at timestamptz,
        was_breached boolean not null default false
      ) with (fillfactor = 45);
      create index metric_evaluations_not_ok on metric_evaluations (metric_key) where state <> 'ok';
      comment on table metric_evaluations is 'What the evaluation made of the samples until evaluated_until; written by it alone.';
      comment on column metric_evaluations.streak is 'Breaching samples in a row, the first of them at streak_since.';
      comment on column metric_evaluations.threshold_id is 'The active threshold that the samples were compared with; another one, or a newer, starts afresh.';
      comment on column metric_evaluations.was_breached is 'What a stale metric goes back to.';

      create table metric_transitions (
        id bigint generated always as identity primary key,
        metric_key integer not null references metric_instances (key) on delete cascade,
        client_id uuid not null,
        episode integer not null,
        from_state text not null,
        to_state text not null,
        at timestamptz not null,
        num_value double precision,
        bool_value boolean,
        str_value text,
        threshold_id uuid,
        severity text,
        reason text not null,
        is_alerting boolean not null,
        created_at timestamptz not null default now()
      );
      create index metric_transitions_metric on metric_transitions (metric_key, id);
      comment on table metric_transitions is 'Written in the transaction that changes metric_evaluations, so exactly once.';
      comment on column metric_transitions.reason is 'In words: "0.97 is above 0.9", "no newer sample for 12 minutes".';
      comment on column metric_transitions.is_alerting is 'Whether somebody wants to hear of it.';
    `);
    this.addSql(`
      create table metric_samples (
        at timestamptz not null,
        num_value double precision,
        metric_key integer not null,
        bool_value boolean,
        str_value text
      ) partition by range (at);
      create index metric_samples_metric_at on metric_samples (metric_key, at);
      comment on table metric_samples is 'One row a sample, with the one value of its type. No key: nothing is lost when two samples share a time.';

      create function attach_new_partition(parent text, suffix text, range_column text, first_value text, end_value text)
      returns void language plpgsql as $$
      declare
        partition text := parent || '_' || suffix;
      begin
        if to_regclass(partition) is not null then return; end if;
        perform pg_advisory_xact_lock(hashtext('attach_new_partition'), hashtext(parent));
        if to_regclass(partition) is not null then return; end if;
        execute format('create table %I (like %I including defaults including indexes,
            constraint is_within_partition check (%I >= %L and %I < %L))',
          partition, parent, range_column, first_value, range_column, end_value);
        execute format('alter table %I attach partition %I for values from (%L) to (%L)',
          parent, partition, first_value, end_value);
        execute format('alter table %I drop constraint is_within_partition', partition);
      end $$;
      comment on function attach_new_partition is 'Unlike "create table … partition of" it waits for no reader or writer of the parent, and nobody queues behind it.';

      create function ensure_sample_partition(day date) returns void
      language sql security definer set search_path = public, pg_temp as $$
        select attach_new_partition('metric_samples', to_char(day, 'YYYYMMDD'), 'at',
          (day::timestamp at time zone 'UTC')::text, ((day + 1)::timestamp at time zone 'UTC')::text)
      $$;
      comment on function ensure_sample_partition is 'The partition of one UTC day; may run twice and at once, also by a role that owns no tables.';
      select ensure_sample_partition((now() at time zone 'UTC')::date + ahead) from generate_series(-1, 7) as ahead;
    `);
  }
}

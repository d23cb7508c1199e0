import { Migration } from '@mikro-orm/migrations';

/**
 * The schema. `clients`, `api_keys` and `client_settings` keep the names and columns that the operators'
 * scripts insert into. Written by hand: the partitions of `checks` are not entities, and a schema diff
 * would drop them.
 */
export class Migration0001Schema extends Migration {
  override up(): void {
    this.addSql(`
      create table installation (
        only_row boolean primary key default true check (only_row),
        id uuid not null default gen_random_uuid(),
        created_at timestamptz not null default now()
      );
      comment on table installation is 'Who owns the workflows: reconcile ends only those of its own installation.';
      insert into installation default values;
    `);
    this.addSql(`
      create table clients (
        id uuid primary key default gen_random_uuid(),
        name text not null,
        created_at timestamptz not null default now()
      );

      create table api_keys (
        id uuid primary key default gen_random_uuid(),
        client_id uuid not null references clients (id) on delete cascade,
        key text not null constraint api_keys_key_unique unique,
        name text not null,
        is_active boolean not null default true,
        created_at timestamptz not null default now()
      );
      create index api_keys_client_id on api_keys (client_id);
      comment on column api_keys.key is 'sha256:<hex>; whatever else is inserted is hashed by a trigger.';

      create function hash_api_key() returns trigger language plpgsql as $$
      begin
        if new.key !~ '^sha256:[0-9a-f]{64}$' then
          new.key := 'sha256:' || encode(sha256(convert_to(new.key, 'UTF8')), 'hex');
        end if;
        return new;
      end $$;
      create trigger api_keys_hash before insert or update of key on api_keys
        for each row execute function hash_api_key();

      create table client_settings (
        id uuid primary key default gen_random_uuid(),
        client_id uuid not null constraint client_settings_client_id_unique unique
          references clients (id) on delete cascade,
        notification_email text,
        heartbeat_threshold_minutes integer not null default 5 check (heartbeat_threshold_minutes > 0),
        consecutive_failures_threshold integer not null default 2 check (consecutive_failures_threshold > 0),
        alert_grouping_enabled boolean not null default true,
        updated_at timestamptz not null default now()
      );

      create table users (
        id uuid primary key default gen_random_uuid(),
        client_id uuid not null references clients (id) on delete cascade,
        email text not null,
        password_hash text not null,
        role text not null default 'admin',
        created_at timestamptz not null default now()
      );
      create unique index users_email_unique on users (lower(email));
    `);
    this.addSql(`
      create table http_targets (
        id uuid primary key,
        key integer generated always as identity constraint http_targets_key_unique unique,
        client_id uuid not null references clients (id),
        name text not null,
        url text not null,
        url_normalized text not null,
        method text not null,
        timeout_seconds integer not null,
        check_interval_seconds integer not null,
        retry_interval_seconds integer not null,
        recovery_threshold integer not null,
        accepted_status_codes jsonb,
        follow_redirects boolean not null,
        verify_tls boolean not null,
        headers_encrypted bytea,
        body_encrypted bytea,
        tags text[] not null default '{}',
        is_active boolean not null,
        version integer not null default 1,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now(),
        deleted_at timestamptz
      );
      create unique index http_targets_client_url_unique
        on http_targets (client_id, url_normalized) where deleted_at is null;
      create index http_targets_client_created on http_targets (client_id, created_at, id) where deleted_at is null;
      comment on column http_targets.key is 'Four bytes that stand for the uuid in checks.';
      comment on column http_targets.version is 'Grows with every change that matters to the checks.';

      create table http_target_states (
        target_key integer primary key references http_targets (key) on delete cascade,
        status text not null default 'unknown' check (status in ('unknown', 'up', 'down', 'paused')),
        consecutive_failures integer not null default 0,
        consecutive_passes integer not null default 0,
        episode integer not null default 0,
        last_scheduled_at timestamptz,
        last_check_at timestamptz,
        last_failure_class text,
        last_error_message text,
        last_status_code integer,
        last_response_time_ms integer,
        last_state_change_at timestamptz,
        next_check_at timestamptz,
        certificate_expires_at timestamptz
      ) with (fillfactor = 60);
      comment on table http_target_states is 'What the last check decided; one row a target, rewritten in place.';
    `);
    this.addSql(`
      create table checks (
        scheduled_at timestamptz not null,
        target_key integer not null,
        started_after_ms integer not null,
        total_ms integer not null,
        status_code smallint not null,
        dns_ms smallint not null,
        tcp_ms smallint not null,
        tls_ms smallint not null,
        first_byte_ms smallint not null,
        outcome "char" not null,
        kind "char" not null,
        primary key (target_key, scheduled_at)
      ) partition by range (scheduled_at);
      comment on table checks is 'One row a check; -1 stands for absent; outcome and kind are the letters of src/db/checkCodes.ts.';

      create table check_failures (
        scheduled_at timestamptz not null,
        target_key integer not null,
        error_message text not null,
        primary key (target_key, scheduled_at)
      ) partition by range (scheduled_at);
      comment on table check_failures is 'Why a check failed, in words; only for those that did.';

      create function ensure_check_partitions(day date) returns void
      language plpgsql security definer set search_path = public as $$
      declare
        parent text;
        partition text;
      begin
        foreach parent in array array['checks', 'check_failures'] loop
          partition := format('%s_%s', parent, to_char(day, 'YYYYMMDD'));
          if to_regclass(partition) is null then
            perform pg_advisory_xact_lock(hashtext('ensure_check_partitions'));
            execute format('create table if not exists %I partition of %I for values from (%L) to (%L)',
              partition, parent, day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
          end if;
        end loop;
      end $$;
      comment on function ensure_check_partitions is 'The partitions of one UTC day; may run twice and at once, also by a role that owns no tables.';
      select ensure_check_partitions((now() at time zone 'UTC')::date + ahead) from generate_series(-1, 7) as ahead;
    `);
  }
}

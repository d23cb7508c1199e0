import { Migration } from '@mikro-orm/migrations';

/**
 * Which worker watches which target. A worker is its lease: when its row goes, all it watched is free for others,
 * by the foreign key. A claim is the fence: rows of a watch whose claim has passed on are not stored.
 */
export class Migration0003Watches extends Migration {
  override up(): void {
    this.addSql(`
      create table workers (
        id uuid primary key,
        name text not null,
        host text not null,
        pid integer not null,
        started_at timestamptz not null default now(),
        lease_until timestamptz not null
      );
      comment on table workers is 'One row a worker process that lives; id is new with each start.';

      create sequence watch_claims;
      create table watches (
        target_key integer primary key references http_targets (key) on delete cascade,
        worker_id uuid references workers (id) on delete set null,
        claim bigint not null default nextval('watch_claims'),
        task_token bytea not null,
        version integer not null,
        status text not null check (status in ('up', 'down')),
        first_slot_at timestamptz not null,
        until timestamptz not null
      ) with (fillfactor = 70);
      create index watches_worker_id on watches (worker_id);
      comment on table watches is 'Targets that are being watched; without a worker they are anybody''s.';
      comment on column watches.claim is 'Fencing number: new with each worker that takes the watch.';
      comment on column watches.task_token is 'With it any worker answers the activity watchTarget.';

      create function notify_http_target_changed() returns trigger language plpgsql as $$
      begin
        perform pg_notify('http_target_changed', new.key::text);
        return null;
      end $$;
      create trigger http_targets_changed after update on http_targets for each row
        when (old.version is distinct from new.version or old.deleted_at is distinct from new.deleted_at)
        execute function notify_http_target_changed();

      create function notify_watches_free() returns trigger language plpgsql as $$
      begin
        notify watches_free;
        return null;
      end $$;
      create trigger workers_gone after delete on workers for each row execute function notify_watches_free();
    `);
  }
}

import { Migration } from '@mikro-orm/migrations';

/**
 * `attach_new_partition` looked a second time, under its lock, with `to_regclass`, which answers from the session's
 * cache: a partition that another session had made while this one waited was not seen, and making it again failed.
 */
export class Migration0008NewPartitions extends Migration {
  override up(): void {
    this.addSql(`
      create or replace function attach_new_partition(parent text, suffix text, range_column text, first_value text, end_value text)
      returns void language plpgsql as $$
      declare
        partition text := parent || '_' || suffix;
      begin
        if to_regclass(partition) is not null then return; end if;
        perform pg_advisory_xact_lock(hashtext('attach_new_partition'), hashtext(parent));
        -- A statement of its own has a new snapshot: it sees what was committed while this one waited.
        perform from pg_inherits join pg_class on pg_class.oid = inhrelid
          where inhparent = parent::regclass and relname = partition;
        if found then return; end if;
        execute format('create table %I (like %I including defaults including indexes,
            constraint is_within_partition check (%I >= %L and %I < %L))',
          partition, parent, range_column, first_value, range_column, end_value);
        execute format('alter table %I attach partition %I for values from (%L) to (%L)',
          parent, partition, first_value, end_value);
        execute format('alter table %I drop constraint is_within_partition', partition);
      end $$;
    `);
  }
}

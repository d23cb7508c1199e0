import { Migration } from '@mikro-orm/migrations';

/**
 * Hourly and daily rollups of checks, and what keeps them right: how far they go, and which hours got a check
 * after they were rolled up.
 */
export class Migration0004Rollups extends Migration {
  override up(): void {
    this.addSql(`
      create table hourly_rollups (
        hour timestamptz not null,
        target_key integer not null,
        checks integer not null,
        ok integer not null,
        monitor_faults integer not null,
        buckets smallint[] not null,
        counts integer[] not null,
        primary key (target_key, hour)
      ) partition by range (hour);
      comment on table hourly_rollups is 'One row a target and hour with checks. checks does not count monitor_faults; buckets are those of src/domain/latencyHistogram.ts, of checks that passed.';

      create table daily_rollups (
        day date not null,
        target_key integer not null,
        checks integer not null,
        ok integer not null,
        monitor_faults integer not null,
        buckets smallint[] not null,
        counts integer[] not null,
        primary key (target_key, day)
      ) partition by range (day);
      comment on table daily_rollups is 'The hourly rollups of a UTC day that is over, merged.';

      create table rollup_progress (
        only_row boolean primary key default true check (only_row),
        rolled_up_until timestamptz not null
      );
      comment on table rollup_progress is 'Every hour that ends by then is rolled up, and every day; its row is the lock of whoever rolls up.';
      insert into rollup_progress (rolled_up_until)
        select date_trunc('day', least(min(scheduled_at), now() - interval '1 day'), 'UTC') from checks;

      create table late_check_hours (
        target_key integer not null,
        hour timestamptz not null
      );
      comment on table late_check_hours is 'Hours that got a check after they were over. Rows are only ever added and taken away, so nobody waits for anybody.';
    `);
    this.addSql(`
      create function ensure_rollup_partitions(day date) returns void
      language plpgsql security definer set search_path = public, pg_temp as $$
      declare
        month_start date := date_trunc('month', day::timestamp)::date;
        year_start date := date_trunc('year', day::timestamp)::date;
        hourly text := 'hourly_rollups_' || to_char(day, 'YYYYMM');
        daily text := 'daily_rollups_' || to_char(day, 'YYYY');
      begin
        if to_regclass(hourly) is not null and to_regclass(daily) is not null then return; end if;
        perform pg_advisory_xact_lock(hashtext('ensure_rollup_partitions'));
        execute format('create table if not exists %I partition of hourly_rollups for values from (%L) to (%L)', hourly,
          month_start::timestamp at time zone 'UTC', (month_start + interval '1 month') at time zone 'UTC');
        execute format('create table if not exists %I partition of daily_rollups for values from (%L) to (%L)', daily,
          year_start, (year_start + interval '1 year')::date);
      end $$;
      comment on function ensure_rollup_partitions is 'The month of hourly and the year of daily rollups of a UTC day; may run twice and at once.';

      create function drop_partition(parent text, first_day date) returns boolean
      language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '200ms' as $$
      declare
        partition text := parent || '_' || to_char(first_day, case parent when 'checks' then 'YYYYMMDD'
          when 'check_failures' then 'YYYYMMDD' when 'hourly_rollups' then 'YYYYMM' when 'daily_rollups' then 'YYYY' end);
      begin
        if partition is null then raise exception 'there are no partitions of % to drop', parent; end if;
        if to_regclass(partition) is null then return true; end if;
        execute format('lock table only %I in access exclusive mode', parent);
        if parent in ('checks', 'check_failures') and (
          not exists (select from rollup_progress
            where rolled_up_until >= (first_day + 1)::timestamp at time zone 'UTC')
          or exists (select from late_check_hours where hour >= first_day::timestamp at time zone 'UTC'
            and hour < (first_day + 1)::timestamp at time zone 'UTC')
        ) then return false; end if;
        execute format('drop table %I', partition);
        return true;
      end $$;
      revoke execute on function drop_partition from public;
      comment on function drop_partition is 'false when a day of checks is not rolled up yet. Gives up after 200 ms (55P03) rather than hold up the checks that queue behind it.';
    `);
  }
}

import { Migration } from '@mikro-orm/migrations';

/** Hourly and daily rollups of samples, kept right in the same way as those of checks. */
export class Migration0006SampleRollups extends Migration {
  override up(): void {
    this.addSql(`
      create table sample_hourly_rollups (
        hour timestamptz not null,
        metric_key integer not null,
        samples integer not null,
        total double precision,
        low double precision,
        high double precision,
        trues integer,
        primary key (metric_key, hour)
      ) partition by range (hour);
      comment on table sample_hourly_rollups is 'One row a metric and hour with samples. Numeric: total, low and high of the values; boolean: how many were true; strings have none.';

      create table sample_daily_rollups (
        day date not null,
        metric_key integer not null,
        samples integer not null,
        total double precision,
        low double precision,
        high double precision,
        trues integer,
        primary key (metric_key, day)
      ) partition by range (day);
      comment on table sample_daily_rollups is 'The hourly rollups of a UTC day that is over, merged.';

      create table sample_rollup_progress (
        only_row boolean primary key default true check (only_row),
        rolled_up_until timestamptz not null
      );
      comment on table sample_rollup_progress is 'As rollup_progress, for samples.';
      insert into sample_rollup_progress (rolled_up_until)
        values (date_trunc('day', now() - interval '1 day', 'UTC'));

      create table late_sample_hours (
        metric_key integer not null,
        hour timestamptz not null
      );
      comment on table late_sample_hours is 'As late_check_hours, for samples.';

      create index late_sample_hours_key on late_sample_hours (metric_key, hour);
      create index late_check_hours_key on late_check_hours (target_key, hour);
    `);
    this.addSql(`
      create function ensure_sample_rollup_partitions(day date) returns void
      language plpgsql security definer set search_path = public, pg_temp as $$
      declare
        month_start timestamp := date_trunc('month', day::timestamp);
        year_start date := date_trunc('year', day::timestamp)::date;
      begin
        perform attach_new_partition('sample_hourly_rollups', to_char(day, 'YYYYMM'), 'hour',
          (month_start at time zone 'UTC')::text, ((month_start + interval '1 month') at time zone 'UTC')::text);
        perform attach_new_partition('sample_daily_rollups', to_char(day, 'YYYY'), 'day',
          year_start::text, (year_start + interval '1 year')::date::text);
      end $$;
      comment on function ensure_sample_rollup_partitions is 'The month of hourly and the year of daily rollups of a UTC day; may run twice and at once.';

      create or replace function drop_partition(parent text, first_day date) returns boolean
      language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '200ms' as $$
      declare
        suffix text := to_char(first_day, case
          when parent in ('checks', 'check_failures', 'metric_samples') then 'YYYYMMDD'
          when parent in ('hourly_rollups', 'sample_hourly_rollups') then 'YYYYMM'
          when parent in ('daily_rollups', 'sample_daily_rollups') then 'YYYY' end);
        partition text := parent || '_' || suffix;
        day_start timestamptz := first_day::timestamp at time zone 'UTC';
        day_end timestamptz := (first_day + 1)::timestamp at time zone 'UTC';
        is_rolled_up boolean := true;
      begin
        if partition is null then raise exception 'there are no partitions of % to drop', parent; end if;
        if to_regclass(partition) is null then return true; end if;
        execute format('lock table only %I in access exclusive mode', parent);
        if parent in ('checks', 'check_failures') then
          is_rolled_up := exists (select from rollup_progress where rolled_up_until >= day_end)
            and not exists (select from late_check_hours where hour >= day_start and hour < day_end);
        elsif parent = 'metric_samples' then
          is_rolled_up := exists (select from sample_rollup_progress where rolled_up_until >= day_end)
            and not exists (select from late_sample_hours where hour >= day_start and hour < day_end);
        end if;
        if not is_rolled_up then return false; end if;
        execute format('drop table %I', partition);
        return true;
      end $$;
      comment on function drop_partition is 'false when a day of checks or samples is not rolled up yet. Gives up after 200 ms (55P03) rather than hold up what queues behind it.';
    `);
  }
}

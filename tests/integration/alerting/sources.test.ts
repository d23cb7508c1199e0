import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sql, type RawBuilder } from 'kysely';
import type { AlertSource } from '../../../src/domain/alert.ts';
import { AlertSyncRepository } from '../../../src/db/repositories/alerting/syncAlerts.ts';
import { MachineRepository } from '../../../src/db/repositories/machines.ts';
import { MetricRepository } from '../../../src/db/repositories/metrics.ts';
import { DEV_CLIENT_ID } from '../../../src/db/seeders/devAccess.ts';
import { createMetric, setThreshold, type MetricRow } from '../../support/evaluatedMetrics.ts';
import { machineRows } from '../../support/machineRows.ts';
import { openTargetDatabase, type TargetDatabase } from '../../support/targets.ts';

const CALLER = { clientId: DEV_CLIENT_ID };

let db: TargetDatabase;
beforeEach(async () => {
  db = await openTargetDatabase();
});
afterEach(() => db.close());

const kysely = () => db.orm.em.fork().getKysely<object>();
const execute = (statement: RawBuilder<unknown>) => statement.execute(kysely());
const sync = (source: AlertSource) => new AlertSyncRepository(db.orm.em.fork()).sync(source);

/** All of them, the oldest first. */
async function alerts(): Promise<unknown[]> {
  const { rows } = await sql`
    select source, status, severity, message, resolution from alerts order by triggered_at, id
  `.execute(kysely());
  return rows;
}

/** What the workflow would be told, the oldest first; it is taken. */
async function news(): Promise<string[]> {
  const { rows } = await sql<{ kind: string }>`
    with taken as (delete from alert_news where alert_id is not null returning id, kind)
    select kind from taken order by id
  `.execute(kysely());
  return rows.map(({ kind }) => kind);
}

async function resolutions(): Promise<unknown[]> {
  const { rows } = await sql<{
    resolution: string;
  }>`select resolution from alerts order by resolution`.execute(kysely());
  return rows.map(({ resolution }) => resolution);
}

describe('a target that is down', () => {
  const turn = (id: string, status: string) =>
    execute(sql`
      update http_target_states s set status = ${status}, episode = episode + ${status === 'down' ? 1 : 0},
        last_status_code = 503, last_error_message = 'HTTP 503', last_failure_class = 'http_status',
        last_response_time_ms = 41, consecutive_failures = 2, last_state_change_at = now()
      from http_targets t where t.key = s.target_key and t.id = ${id}`);

  it('is one alert with what the check saw, however many look at the same time', async () => {
    const { id } = await db.create({ name: 'shop' });
    await turn(id, 'down');
    await Promise.all(Array.from({ length: 8 }, () => sync('http_target')));
    expect(await alerts()).toMatchObject([
      { source: 'http_target', status: 'firing', severity: 'critical', message: 'shop is down: HTTP 503' },
    ]);
    expect(await news()).toEqual(['opened']);
    const { rows } = await sql<{ details: unknown }>`select details from alerts`.execute(kysely());
    expect(rows[0]?.details).toEqual({
      ...{ subject: 'shop', failure_class: 'http_status', status_code: 503, response_time_ms: 41 },
      consecutive_failures: 2,
    });
  });

  it('is another alert when it is down again, also where nobody saw it up', async () => {
    const { id } = await db.create({ name: 'shop' });
    await turn(id, 'down');
    await sync('http_target');
    await turn(id, 'up');
    await turn(id, 'down');
    await sync('http_target');
    expect(await alerts()).toMatchObject([
      { status: 'resolved', resolution: 'it answered in between' },
      { status: 'firing' },
    ]);
    expect(await news()).toEqual(['opened', 'resolved', 'opened']);
  });

  it('cannot have two rows for one episode, nor two that are open', async () => {
    const insert = (episode: number) =>
      execute(sql`
        insert into alerts (client_id, source, source_id, episode, severity, message, triggered_at)
        values (${DEV_CLIENT_ID}, 'http_target', ${DEV_CLIENT_ID}, ${episode}::int, 'critical', 'x', now())`);
    await insert(1);
    await expect(insert(2)).rejects.toThrow('alerts_open_unique');
    await execute(sql`update alerts set status = 'resolved', resolved_at = now()`);
    await expect(insert(1)).rejects.toThrow('alerts_episode_unique');
  });
});

describe('a machine that is silent', () => {
  it('is an alert until it reports, or nobody wants to hear of it', async () => {
    const machines = machineRows(db.orm);
    const machine = await machines.create({
      hostname: 'web-1',
      status: 'down',
      episode: 1,
      seenSecondsAgo: 600,
    });
    await sync('heartbeat');
    expect(await alerts()).toMatchObject([
      {
        source: 'heartbeat',
        severity: 'critical',
        message: expect.stringMatching(/^web-1 has not reported since 2/),
      },
    ]);
    await new MachineRepository(db.orm.em.fork(), CALLER).setPaused(machine, true);
    expect(await alerts()).toMatchObject([{ status: 'resolved', resolution: 'the machine was paused' }]);
    expect(await news()).toEqual(['opened', 'resolved']);
  });

  it('is over when it is deleted, with the alerts of its metrics', async () => {
    const machine = await machineRows(db.orm).create({ status: 'down', episode: 1, seenSecondsAgo: 600 });
    const { rows } = await sql<{ key: number }>`select key from machines where id = ${machine}`.execute(
      kysely(),
    );
    const metric = await createMetric(db.orm, { machineKey: rows[0]?.key ?? 0 });
    await breach(metric);
    await sync('heartbeat');
    await new MachineRepository(db.orm.em.fork(), CALLER).delete(machine);
    expect(await alerts()).toMatchObject([
      { status: 'resolved', resolution: 'the machine was deleted' },
      { status: 'resolved', resolution: 'the machine was deleted' },
    ]);
  });
});

/** As evaluation leaves it, with a threshold that says `warning`. */
async function breach(metric: MetricRow): Promise<void> {
  await setThreshold(db.orm, metric);
  await execute(
    sql`update metric_evaluations set state = 'breached', episode = episode + 1 where metric_key = ${metric.key}`,
  );
  await sync('metric');
}

describe('a metric over its threshold', () => {
  const metrics = () => new MetricRepository(db.orm.em.fork(), CALLER);
  let metric: MetricRow;
  beforeEach(async () => {
    metric = await createMetric(db.orm, { hostname: 'web-1' });
    await breach(metric);
  });

  it('is an alert of the severity of the threshold, which may change', async () => {
    expect(await alerts()).toMatchObject([{ source: 'metric', status: 'firing', severity: 'warning' }]);
    await execute(sql`update thresholds set severity = 'critical'`);
    await sync('metric');
    await sync('metric');
    expect(await alerts()).toMatchObject([{ status: 'firing', severity: 'critical' }]);
    expect(await news()).toEqual(['opened', 'changed']);
  });

  it('is over when it is back', async () => {
    await execute(sql`update metric_evaluations set state = 'ok' where metric_key = ${metric.key}`);
    await sync('metric');
    expect(await alerts()).toMatchObject([{ status: 'resolved', resolution: 'it is back' }]);
  });

  it('alerts anew when alerting is switched off and on again while it lasts', async () => {
    await metrics().setAlertingEnabled(metric.id, false);
    expect(await alerts()).toMatchObject([{ status: 'resolved', resolution: 'alerting was switched off' }]);
    await metrics().setAlertingEnabled(metric.id, true);
    await sync('metric');
    expect(await alerts()).toMatchObject([{ status: 'resolved' }, { status: 'firing' }]);
    expect(await news()).toEqual(['opened', 'resolved', 'opened']);
  });

  it('does the same when it is paused and resumed', async () => {
    await metrics().setPaused(metric.id, true);
    await metrics().setPaused(metric.id, false);
    expect(await alerts()).toMatchObject([{ resolution: 'the metric was paused' }, { status: 'firing' }]);
  });

  it('stays resolved by hand while it lasts', async () => {
    await execute(sql`update alerts set status = 'resolved', resolved_at = now(), resolved_by = 'me'`);
    await sync('metric');
    expect(await alerts()).toMatchObject([{ status: 'resolved' }]);
  });
});

describe('a certificate', () => {
  const endsIn = (id: string, days: number) =>
    execute(sql`
      update http_target_states s set certificate_expires_at = now() + ${days}::float8 * interval '1 day'
      from http_targets t where t.key = s.target_key and t.id = ${id}`);
  /** The same certificate as before, so many days later. */
  const daysLater = (days: number) =>
    execute(sql`
      with past as (update alerts set episode = episode - ${days * 1_440}::int)
      update http_target_states set certificate_expires_at = certificate_expires_at - ${days}::int * interval '1 day'`);
  const setActive = (id: string, isActive: boolean) =>
    db.targets().update(id, (target) => ({ ...target, isActive }));

  it('is one alert that becomes worse at 30, 14, 7 and 1 days', async () => {
    const { id } = await db.create({ name: 'shop' });
    await endsIn(id, 30.5);
    await sync('certificate');
    expect(await alerts()).toEqual([]);
    for (const [days, severity] of [
      [1, 'info'],
      [16, 'warning'],
      [7, 'warning'],
      [6, 'critical'],
    ] as const) {
      await daysLater(days);
      await sync('certificate');
      expect(await alerts()).toMatchObject([{ source: 'certificate', status: 'firing', severity }]);
    }
    expect(await news()).toEqual(['opened', 'changed', 'changed', 'changed']);
    expect(await alerts()).toMatchObject([
      { message: expect.stringMatching(/^The certificate of shop ends on 2/) },
    ]);
  });

  it('is over when there is another one', async () => {
    const { id } = await db.create();
    await endsIn(id, 3);
    await sync('certificate');
    await endsIn(id, 90);
    await sync('certificate');
    expect(await alerts()).toMatchObject([
      { status: 'resolved', resolution: expect.stringContaining('it has another certificate') },
    ]);
  });

  it('alerts anew when its target was paused meanwhile', async () => {
    const { id } = await db.create();
    await endsIn(id, 3);
    await sync('certificate');
    await setActive(id, false);
    expect(await alerts()).toMatchObject([{ resolution: 'the target was paused' }]);
    await setActive(id, true);
    await sync('certificate');
    expect(await alerts()).toMatchObject([{ status: 'resolved' }, { status: 'firing', severity: 'warning' }]);
  });

  it('is over when there is one that never ends, and when the address is another one', async () => {
    const [first, second] = [await db.create(), await db.create()];
    for (const { id } of [first, second]) await endsIn(id, 3);
    await sync('certificate');
    await execute(sql`
      update http_target_states s set certificate_expires_at = '9999-12-31T23:59:59Z'
      from http_targets t where t.key = s.target_key and t.id = ${first.id}`);
    await db.targets().update(second.id, (target) => ({ ...target, url: 'http://127.0.0.1:9/another' }));
    await sync('certificate');
    expect(await resolutions()).toEqual([
      'it has another certificate, which ends on 9999-12-31',
      'its address was changed',
    ]);
    await endsIn(second.id, 3);
    await sync('certificate');
    expect(await alerts()).toHaveLength(3);
  });

  it('does not matter where it is not verified', async () => {
    const { id } = await db.create({ verifyTls: false });
    await endsIn(id, 3);
    await sync('certificate');
    expect(await alerts()).toEqual([]);
  });
});

describe('a monitoring server that has lost its network', () => {
  const setLost = (isLost: boolean) =>
    execute(sql`
      insert into workers (id, name, host, pid, lease_until, network_lost_at)
      values (${DEV_CLIENT_ID}, 'worker', 'here', 1, now() + interval '1 hour', ${isLost ? sql`now()` : sql`null`})
      on conflict (id) do update set network_lost_at = excluded.network_lost_at`);

  it('is one alert of each client that has targets, until it is back', async () => {
    await db.create();
    await db.create();
    await execute(sql`insert into clients (id, name) values (gen_random_uuid(), 'without targets')`);
    await setLost(true);
    await sync('monitor');
    await sync('monitor');
    expect(await alerts()).toMatchObject([{ source: 'monitor', severity: 'critical', status: 'firing' }]);
    await setLost(false);
    await sync('monitor');
    expect(await alerts()).toMatchObject([{ status: 'resolved', resolution: 'its network is back' }]);
    expect(await news()).toEqual(['opened', 'resolved']);
  });
});

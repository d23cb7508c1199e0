/**
 * How long `GET /alerts` takes of a client with many, page by page and by each filter.
 *
 *   npm run bench:alert-list -- --alerts 100000 --requests 300 [--json file]
 */
import { Arguments } from './arguments.ts';
import { Bench } from './bench.ts';
import { percentile, rounded } from './distribution.ts';
import { publish } from './output.ts';
import { say } from './progress.ts';

/** Beside those that are asked for: of another client. */
const OTHERS_SHARE = 0.2;
const TARGETS = 1_000;

const options = new Arguments({ alerts: '100000', requests: '300', json: '' });
const alerts = options.number('alerts');
const requests = options.number('requests');

await Bench.run({ withinMinutes: 20 }, async ({ database, stack, signal }) => {
  say(`creating ${alerts} alerts …`);
  const { rows: clients } = await database.query<{ id: string }>(
    'select id from clients order by created_at',
  );
  const clientId = clients[0]?.id ?? '';
  const { rows: others } = await database.query<{ id: string }>(
    "insert into clients (name) values ('others') returning id",
  );
  await createAlerts(clientId, alerts);
  await createAlerts(others[0]?.id ?? '', Math.round(alerts * OTHERS_SHARE));
  await database.query('vacuum analyze');
  const { rows: picked } = await database.query<{ target: string; incident: string; week: Date; day: Date }>(
    `select (select http_target_id from alerts where client_id = $1 limit 1) as target,
       (select incident_id from alerts where client_id = $1 and incident_id is not null limit 1) as incident,
       now() - interval '7 days' as week, now() - interval '6 days' as day`,
    [clientId],
  );
  const [pick] = picked;
  if (pick === undefined) throw new Error('there are no alerts');
  const queries: Readonly<Record<string, string>> = {
    'no filter': '',
    'limit 1000': 'limit=1000',
    'status=firing': 'status=firing',
    'status=resolved': 'status=resolved',
    'severity=info (rare)': 'severity=info',
    'source=certificate (rare)': 'source=certificate',
    'status, severity and source': 'status=resolved&severity=critical&source=http_target',
    'nothing matches': 'status=firing&source=monitor',
    'a day, a week ago': `from=${pick.week.toISOString()}&to=${pick.day.toISOString()}`,
    'one target': `http_target_id=${pick.target}`,
    'one incident': `incident_id=${pick.incident}`,
  };
  const found: Record<string, Record<string, number>> = {};
  for (const [name, query] of Object.entries(queries)) found[name] = await measure(query);
  found['page after page'] = await measurePages();
  publish(
    `GET /alerts of a client with ${alerts}, ${requests} requests each, ms`,
    found,
    found,
    options.text('json'),
  );

  async function measure(query: string): Promise<Record<string, number>> {
    await ask(query);
    const times: number[] = [];
    let rows = 0;
    for (let index = 0; index < requests; index += 1) {
      const began = performance.now();
      rows = (await ask(query)).rows;
      times.push(performance.now() - began);
    }
    return inTable(rows, times);
  }

  async function measurePages(): Promise<Record<string, number>> {
    const times: number[] = [];
    let cursor: string | null = '';
    let seen = 0;
    while (cursor !== null && times.length < requests) {
      const began = performance.now();
      const page: { rows: number; cursor: string | null } = await ask(
        cursor === '' ? '' : `cursor=${cursor}`,
      );
      times.push(performance.now() - began);
      seen += page.rows;
      cursor = page.cursor;
    }
    return inTable(seen, times);
  }

  async function ask(query: string): Promise<{ rows: number; cursor: string | null }> {
    const response = await fetch(`${stack.apiUrl}/alerts?${query}`, {
      headers: { 'x-api-key': stack.apiKey() },
      signal,
    });
    const body: unknown = await response.json();
    if (!response.ok || !Array.isArray(body))
      throw new Error(`GET /alerts?${query} answered ${response.status}`);
    return { rows: body.length, cursor: response.headers.get('x-next-cursor') };
  }

  /** Of a year: the last 200 are open, one in a hundred is about a certificate, one in two hundred is `info`. */
  async function createAlerts(ofClient: string, count: number): Promise<void> {
    await database.query(
      `insert into incidents (client_id, incident_number, title, type, severity, opened_at, active_since, last_change_at,
         status, resolved_at)
       select $1, n, 'incident ' || n, 'mixed', 'critical', at, at, at, case when n <= 10 then 'open' else 'resolved' end,
         case when n > 10 then at end
       from generate_series(1, $2::int) n cross join lateral (select now() - n * interval '1 hour' as at) a`,
      [ofClient, Math.ceil(count / 20)],
    );
    await database.query(
      `with target as materialized (select n, gen_random_uuid() as id from generate_series(1, $3::int) n),
         incident as (select id, incident_number as n from incidents where client_id = $1)
       insert into alerts (client_id, source, source_id, episode, severity, message, details, http_target_id, status,
         triggered_at, resolved_at, resolution, incident_id)
       select $1, case when s.n % 100 = 50 then 'certificate' else 'http_target' end, t.id, s.n,
         case when s.n % 200 = 7 then 'info' when s.n % 3 = 0 then 'warning' else 'critical' end,
         'target ' || t.n || ' is down: Connection refused by 127.0.0.1:9', '{"subject": "a target"}', t.id,
         case when s.n <= 200 then 'firing' else 'resolved' end, s.at,
         case when s.n > 200 then s.at + interval '5 minutes' end, case when s.n > 200 then 'it answers again' end, i.id
       from (select n, now() - n * interval '5 minutes' as at from generate_series(1, $2::int) n) s
       join target t on t.n = s.n % $3::int + 1 left join incident i on i.n = (s.n - 1) / 20 + 1`,
      [ofClient, count, TARGETS],
    );
  }
});

function inTable(rows: number, times: readonly number[]): Record<string, number> {
  const [p50, p95, worst] = [50, 95, 100].map((percent) => rounded(percentile(times, percent) ?? 0, 1));
  return { rows, p50: p50 ?? 0, p95: p95 ?? 0, worst: worst ?? 0 };
}

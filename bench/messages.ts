/**
 * How soon people hear of targets that break: from the beginning of the check that crosses the threshold until a webhook
 * has the message; with grouping, how many messages a storm makes.
 *
 *   npm run bench:messages -- --targets 50 --failing 50 --interval 30 --retry 5 --grouping off [--json file]
 */
import { waitFor } from '../src/start/waitFor.ts';
import { Arguments } from './arguments.ts';
import { Bench } from './bench.ts';
import { distributionOf, inWords, rounded } from './distribution.ts';
import { startMessageReceiver, type ReceivedMessage } from './messageReceiver.ts';
import { publish } from './output.ts';
import { countingProgress, say } from './progress.ts';
import { allowedMinutes } from './timeLimit.ts';

const ALLOWANCE_MS = 180_000;
/** A message that comes twice comes within this. */
const AFTER_MS = 15_000;
const MESSAGES_SHOWN = 10;

const options = new Arguments({
  targets: '50',
  failing: '50',
  interval: '30',
  retry: '5',
  grouping: 'off',
  wait: '30',
  json: '',
});
const count = options.number('targets');
const failing = Math.min(count, options.number('failing'));
const intervalSeconds = options.number('interval');
const retrySeconds = options.number('retry');
const isGrouped = options.text('grouping') === 'on';
const env = { ALERT_GROUP_WAIT_SECONDS: options.text('wait') };

const receiver = await startMessageReceiver();
await Bench.run({ withinMinutes: allowedMinutes(count, intervalSeconds) + 8, env }, async (bench) => {
  const { farm, database, signal, stack } = bench;
  const targets = await bench.populate({
    ...{ count, intervalSeconds, fields: { retry_interval_seconds: retrySeconds } },
  });
  await request('PUT', '/settings', { alert_grouping_enabled: isGrouped });
  await request('POST', '/channels', { type: 'webhook', name: 'bench', config: { url: receiver.url } });
  await farm.fail(targets.slice(0, failing).map(({ path }) => path));
  say(`${failing} targets answer 500 from now on, grouping is ${isGrouped ? 'on' : 'off'}`);

  const progress = countingProgress('alerts told', failing);
  const withinMs = ALLOWANCE_MS + (intervalSeconds + 10 * retrySeconds) * 1_000;
  await waitFor(
    async () => {
      const { rows } = await database.query<{ told: number }>(
        `select count(*)::int as told from alerts a where exists (select from notifications n
           where n.incident_id = a.incident_id and n.status = 'success')`,
      );
      progress(rows[0]?.told ?? 0);
      return (rows[0]?.told ?? 0) >= failing;
    },
    { withinMs, everyMs: 250, signal },
  );
  const toldAt = Date.now();
  await waitFor(() => Date.now() - toldAt >= AFTER_MS, { withinMs: 2 * AFTER_MS, everyMs: 250, signal });

  const crossings = await readCrossings();
  const first = new Map<string, ReceivedMessage>();
  for (const message of receiver.messages) {
    for (const id of message.alertIds) if (!first.has(id)) first.set(id, message);
  }
  const untilReceived = [...first].flatMap(([id, { at }]) => {
    const crossedAt = crossings.get(id);
    return crossedAt === undefined ? [] : [Math.round(at - crossedAt)];
  });
  const times = [...crossings.values()];
  const brokeAt = Math.min(...times);
  const story = receiver.messages
    .slice(0, MESSAGES_SHOWN)
    .map(({ at, event }) => `${event} ${rounded((at - brokeAt) / 1_000, 1)} s`);
  const result = {
    ...{ targets: count, failing, intervalSeconds, retrySeconds, isGrouped, env },
    alerts: crossings.size,
    messages: receiver.messages.length,
    crossedWithinMs: Math.round(Math.max(...times) - Math.min(...times)),
    untilReceivedMs: distributionOf(untilReceived),
  };
  publish(
    `${failing} of ${count} targets break, grouping ${isGrouped ? `on, group wait ${env.ALERT_GROUP_WAIT_SECONDS} s` : 'off'}`,
    {
      'alerts / messages that the webhook got': `${result.alerts} / ${result.messages}`,
      ...(isGrouped && { 'messages, after the first check that crossed the threshold': story.join(', ') }),
      'all went down within': `${result.crossedWithinMs} ms`,
      'check that crosses the threshold until the webhook has the message: p50 / p99 / worst': inWords(
        result.untilReceivedMs,
        'ms',
      ),
    },
    result,
    options.text('json'),
  );

  /** By alert: when the check began that made it, UTC milliseconds. */
  async function readCrossings(): Promise<Map<string, number>> {
    const { rows } = await database.query<{ id: string; at: number }>(
      `select a.id, (extract(epoch from c.scheduled_at) * 1000 + c.started_after_ms)::float8 as at
       from alerts a join http_targets t on t.id = a.http_target_id
       cross join lateral (
         select scheduled_at, started_after_ms from checks
         where target_key = t.key and outcome <> 'k' and scheduled_at > a.triggered_at - interval '1 hour'
         order by scheduled_at
         offset (select consecutive_failures_threshold - 1 from client_settings s where s.client_id = a.client_id) limit 1
       ) c
       where a.source = 'http_target'`,
    );
    return new Map(rows.map(({ id, at }) => [id, at]));
  }

  async function request(method: string, path: string, body: unknown): Promise<void> {
    const response = await fetch(`${stack.apiUrl}${path}`, {
      method,
      headers: { 'content-type': 'application/json', 'x-api-key': stack.apiKey() },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  }
});
receiver.stop();

import pg from 'pg';
import { sleepUnless } from '../net/abortable.ts';

interface NotificationOptions {
  readonly url: string;
  /** What to do with a notification of each channel; the payload may be empty. */
  readonly channels: Readonly<Record<string, (payload: string) => void>>;
  /** Connected, for the first time or again: what was told in between is lost. */
  readonly onConnected: () => void;
  /** Told when it cannot connect, or lost its connection. */
  readonly onFault: (error: unknown) => void;
}

const RECONNECT_MS = 2_000;
/** A connection that was cut without a word would look alive for hours. */
const ASK_EVERY_MS = 15_000;

/**
 * Listens to Postgres on a connection of its own, for as long as it is not stopped. Behind a pooler that shares
 * connections nothing may ever come: whoever listens needs a second way to find out.
 */
export class NotificationFeed {
  private readonly options: NotificationOptions;
  private readonly stopping = new AbortController();
  private client: pg.Client | null = null;
  private readonly running: Promise<void>;

  constructor(options: NotificationOptions) {
    this.options = options;
    this.running = this.listenUntilStopped();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.client?.end().catch(() => undefined); // a connection that is lost already has ended
    await this.running;
  }

  private async listenUntilStopped(): Promise<void> {
    const { signal } = this.stopping;
    do {
      try {
        await this.listen();
      } catch (error) {
        this.options.onFault(error);
      }
    } while (await sleepUnless(signal, RECONNECT_MS));
  }

  /** Resolves when the connection has ended. */
  private async listen(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.options.url,
      application_name: 'monitoring-notifications',
      connectionTimeoutMillis: 5_000,
      query_timeout: 5_000,
      keepAlive: true,
    });
    this.client = client;
    const ended = new Promise<void>((resolve, reject) => {
      client.once('end', resolve);
      client.on('error', reject);
    });
    ended.catch(() => undefined); // awaited below, or the connection never was
    client.on('notification', ({ channel, payload }) => this.options.channels[channel]?.(payload ?? ''));
    try {
      await client.connect();
      for (const channel of Object.keys(this.options.channels)) {
        await client.query(`listen ${client.escapeIdentifier(channel)}`);
      }
      this.options.onConnected();
      await Promise.race([ended, this.askUntilStopped(client)]);
    } finally {
      client.end().catch(() => undefined); // one that is lost already has ended
    }
  }

  /** @throws when it does not answer */
  private async askUntilStopped(client: pg.Client): Promise<void> {
    while (await sleepUnless(this.stopping.signal, ASK_EVERY_MS)) await client.query('select 1');
  }
}

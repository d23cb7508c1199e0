import pg from 'pg';

/**
 * A Postgres connection that is thrown away when a query on it timed out: `pg` would hand it back to the
 * pool with the lost query still in front of every later one, so that one silent network fault would
 * poison the pool until the kernel gives up on the socket.
 */
export class ImpatientClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config);
    const query = this.query.bind(this) as (...args: unknown[]) => unknown;
    Object.defineProperty(this, 'query', {
      value: (...args: unknown[]): unknown => {
        const pending = query(...args);
        if (pending instanceof Promise) {
          pending.catch((error: unknown) => {
            if (error instanceof Error && error.message === 'Query read timeout') this.destroySocket();
          });
        }
        return pending;
      },
    });
  }

  private destroySocket(): void {
    const { connection } = this as unknown as { connection: { stream: { destroy(): void } } };
    connection.stream.destroy();
  }
}

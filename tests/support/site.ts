import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { freePort } from './freePorts.ts';

/** A server of 127.0.0.1 that goes and comes back on the same port; it answers 200. */
export class Site {
  readonly port: number;
  private server: Server | null = null;

  private constructor(port: number) {
    this.port = port;
  }

  static async open(): Promise<Site> {
    const site = new Site(await freePort());
    await site.open();
    return site;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async open(): Promise<void> {
    if (this.server !== null) return;
    this.server = createServer((_, response) => response.end('the answer'));
    this.server.listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
  }

  /** From now on connections are refused. */
  close(): void {
    this.server?.closeAllConnections();
    this.server?.close();
    this.server = null;
  }
}

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { until } from '../../support/until.ts';
import type { Identity } from '../probe/certificates.ts';

const Body = z.strictObject({
  machine: z.strictObject({ hostname: z.string(), os: z.string(), os_version: z.string().nullable() }),
  metrics: z.array(
    z.strictObject({
      name: z.string(),
      type: z.enum(['numeric', 'boolean', 'string']),
      value: z.union([z.number(), z.boolean(), z.string()]),
      unit: z.string().optional(),
    }),
  ),
  sent_at: z.iso.datetime(),
});

/** What came in one request. */
export interface Post {
  readonly id: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: z.output<typeof Body>;
  /** The body without its compression. */
  readonly json: string;
  /** UTC milliseconds. */
  readonly at: number;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly detail?: unknown;
  /** Instead of what ingest would say. */
  readonly text?: string;
}

/** What to say to a post; null for nothing at all, as long as the connection lasts. */
export type Behaviour = (post: Post) => Reply | null;

export const accepts: Behaviour = () => ({ status: 202 });

interface ServerOptions {
  readonly behave?: Behaviour;
  readonly port?: number;
  /** Speaks TLS where it has one. */
  readonly identity?: Identity;
}

/** A server that answers like ingest, or however a test wants it to. */
export class IngestServer implements AsyncDisposable {
  readonly posts: Post[] = [];
  behave: Behaviour;
  readonly #server;
  readonly #scheme;

  private constructor({ behave = accepts, identity }: ServerOptions) {
    this.behave = behave;
    this.#scheme = identity === undefined ? 'http' : 'https';
    const serve = (request: IncomingMessage, response: ServerResponse) => void this.#serve(request, response);
    this.#server = identity === undefined ? createServer(serve) : createTlsServer(identity, serve);
  }

  static async start({ port = 0, ...options }: ServerOptions = {}): Promise<IngestServer> {
    const server = new IngestServer(options);
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    return server;
  }

  get url(): string {
    const address = this.#server.address() as AddressInfo;
    return `${this.#scheme}://127.0.0.1:${address.port}`;
  }

  /** Resolves when so many posts have come. */
  async received(count: number): Promise<readonly Post[]> {
    await until(() => this.posts.length >= count, { what: `${count} posts` });
    return this.posts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    const { headers, url = '' } = request;
    const json = (headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString('utf8');
    const id = headers['x-ingest-id'];
    const post = {
      ...{ id: typeof id === 'string' ? id : '', url, headers, json, at: Date.now() },
      body: Body.parse(JSON.parse(json)),
    };
    this.posts.push(post);
    const reply = this.behave(post);
    if (reply === null) return;
    response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers });
    const receipts: Record<number, string> = { 200: 'duplicate', 202: 'accepted' };
    const said = receipts[reply.status];
    response.end(
      reply.text ??
        JSON.stringify(said === undefined ? { detail: reply.detail } : { status: said, ingest_id: post.id }),
    );
  }
}

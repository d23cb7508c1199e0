import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a path does with a request: answers this status code, takes it and stays silent, or something else. */
type Answer = number | 'hang' | ((response: ServerResponse) => void);

/** A request as the watched server saw it; times in UTC milliseconds. */
interface SeenRequest {
  readonly at: number;
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: () => string;
  /** When the client went away without having got an answer, or null. */
  readonly abandonedAt: () => number | null;
  readonly isOpen: () => boolean;
}

/** A server on 127.0.0.1 that is watched by targets, each on a path of its own. */
export interface TargetFarm {
  readonly origin: string;
  /** Sets what a path answers (query ignored) from the next request on; 200 where nothing is set. */
  readonly answer: (path: string, answer: Answer) => void;
  /** Answers 200 to whoever waits on that path. */
  readonly release: (path: string) => void;
  /** All requests of a path so far, oldest first. */
  readonly requests: (path: string) => readonly SeenRequest[];
  /** Those that still wait for an answer. */
  readonly open: (path: string) => readonly SeenRequest[];
  readonly close: () => Promise<void>;
}

export async function startTargetFarm(): Promise<TargetFarm> {
  const answers = new Map<string, Answer>();
  const seen = new Map<string, SeenRequest[]>();
  const waiting = new Map<string, Set<ServerResponse>>();

  const server = createServer((request, response) => {
    const path = pathOf(request);
    const held = entry(waiting, path, () => new Set<ServerResponse>());
    held.add(response);
    response.on('close', () => held.delete(response));
    entry(seen, path, () => []).push(observe(request, response));
    give(response, answers.get(path) ?? 200);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const requests = (path: string): readonly SeenRequest[] => seen.get(path) ?? [];

  return {
    origin: `http://127.0.0.1:${portOf(server.address())}`,
    answer: (path, answer) => answers.set(path, answer),
    release: (path) => waiting.get(path)?.forEach((response) => give(response, 200)),
    requests,
    open: (path) => requests(path).filter(({ isOpen }) => isOpen()),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function observe(request: IncomingMessage, response: ServerResponse): SeenRequest {
  let body = '';
  let closedAt: number | null = null;
  request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
  response.on('close', () => (closedAt = Date.now()));
  return {
    at: Date.now(),
    method: request.method ?? '',
    url: request.url ?? '',
    headers: request.headers,
    body: () => body,
    abandonedAt: () => (response.writableFinished ? null : closedAt),
    isOpen: () => closedAt === null && !response.writableEnded,
  };
}

function give(response: ServerResponse, answer: Answer): void {
  if (answer === 'hang') return;
  if (typeof answer === 'function') answer(response);
  else response.writeHead(answer).end('the answer');
}

function pathOf({ url }: IncomingMessage): string {
  return (url ?? '').replace(/\?.*$/, '');
}

function entry<T>(map: Map<string, T>, key: string, make: () => T): T {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
}

function portOf(address: string | AddressInfo | null): number {
  if (address === null || typeof address === 'string') throw new Error('The farm listens on no port.');
  return address.port;
}

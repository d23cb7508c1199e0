import { expect } from '@jest/globals';
import { errorsOf } from '../../src/api/openapi.ts';
import { Problem, problemSchema } from '../../src/api/problemSchemas.ts';
import { API_PREFIX, type Route } from '../../src/api/route.ts';

export interface ApiResponse {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed JSON, or undefined when the answer is none. */
  readonly body: unknown;
  readonly text: string;
}

interface RequestOptions {
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly rawBody?: string | Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
}

interface ApiClientOptions {
  readonly baseUrl: string;
  readonly routes: readonly Route[];
  readonly key: string | null;
  readonly clientId: string;
}

/** A program that calls the API, and holds every answer against what the route declares. */
export class ApiClient {
  readonly key: string | null;
  readonly clientId: string;
  private readonly baseUrl: string;
  private readonly routes: readonly Route[];

  constructor({ baseUrl, routes, key, clientId }: ApiClientOptions) {
    this.baseUrl = baseUrl;
    this.routes = routes;
    this.key = key;
    this.clientId = clientId;
  }

  get(path: string, options?: RequestOptions): Promise<ApiResponse> {
    return this.request('GET', path, options);
  }

  post(path: string, body?: unknown, options?: RequestOptions): Promise<ApiResponse> {
    return this.request('POST', path, { ...options, body });
  }

  put(path: string, body?: unknown, options?: RequestOptions): Promise<ApiResponse> {
    return this.request('PUT', path, { ...options, body });
  }

  delete(path: string, options?: RequestOptions): Promise<ApiResponse> {
    return this.request('DELETE', path, options);
  }

  /** @param path under /api/v1, or absolute when it begins with `//` */
  async request(method: string, path: string, options: RequestOptions = {}): Promise<ApiResponse> {
    const fullPath = path.startsWith('//') ? path.slice(1) : `${API_PREFIX}${path}`;
    const body = options.rawBody ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
    const response = await fetch(`${this.baseUrl}${fullPath}`, {
      method,
      redirect: 'manual',
      headers: {
        ...(this.key === null ? {} : { 'X-API-Key': this.key }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...options.headers,
      },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    const answer = { status: response.status, headers: response.headers, body: jsonOf(text), text };
    expect(response.headers.get('X-Request-Id')).toMatch(/^[A-Za-z0-9._-]{1,128}$/);
    if (fullPath.startsWith(`${API_PREFIX}/`) && method !== 'HEAD' && text !== '') {
      this.expectDeclared(method, fullPath, answer);
    }
    return answer;
  }

  /** A target of this client. @returns its id */
  async createTarget(body: unknown): Promise<string> {
    const answer = await this.post('/http-targets', body);
    expect(answer).toMatchObject({ status: 201 });
    return (answer.body as { id: string }).id;
  }

  private expectDeclared(method: string, fullPath: string, { status, body }: ApiResponse): void {
    // As it is sent: without `.` and `..`.
    const path = new URL(fullPath, 'http://api').pathname.slice(API_PREFIX.length);
    const route = this.routes.find(
      (known) =>
        known.method.toUpperCase() === method &&
        new RegExp(`^${known.path.replace(/\{\w+\}/g, '[^/]+')}/?$`).test(path),
    );
    if (route === undefined) {
      expect([404, 405]).toContain(status);
      Problem.parse(body);
      return;
    }
    const success = route.responses[status];
    expect({
      declared: [...Object.keys(route.responses), ...Object.keys(errorsOf(route))].map(Number),
    }).toEqual({
      declared: expect.arrayContaining([status]),
    });
    (success?.schema ?? problemSchema(status)).parse(body);
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

import type { ParameterizedContext, Next } from 'koa';
import type { Caller } from '../db/repositories/clients.ts';

/** What middlewares leave for those after them. */
export interface ApiState {
  requestId: string;
  /** null on public routes. */
  caller: Caller | null;
  /** The declared path of the route that answered, for logs and metrics. */
  route: string | null;
}

export type ApiContext = ParameterizedContext<ApiState, object>;
export type ApiMiddleware = (context: ApiContext, next: Next) => Promise<void>;

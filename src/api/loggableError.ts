import { isError } from './isError.ts';

const MAX_CAUSES = 3;

/** What of an error may be logged: drivers hang queries and their values on theirs, which may hold secrets. */
interface LoggableError {
  readonly type: string;
  readonly message: string;
  readonly stack?: string | undefined;
  readonly code?: string | undefined;
  readonly cause?: LoggableError | undefined;
}

export function loggableError(error: unknown, depth = 0): LoggableError {
  if (!isError(error)) return { type: typeof error, message: String(error).slice(0, 500) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return {
    type: error.name,
    message: error.message,
    stack: error.stack,
    code,
    cause:
      error.cause === undefined || depth >= MAX_CAUSES ? undefined : loggableError(error.cause, depth + 1),
  };
}

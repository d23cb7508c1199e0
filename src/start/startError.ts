/** Why the stack cannot start, in one sentence that says what to do. It is shown without a stack. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** The `code` of a system error (`ENOSPC`, `EACCES` …), or null for anything else. */
export function systemErrorCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

/** The first line of what went wrong, without a stack. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n', 1)[0] ?? text;
}

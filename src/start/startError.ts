/** Why the stack cannot start, in one sentence that says what to do. It is shown without a stack. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** The `code` of a system error (`ENOSPC`, `EACCES` …), or null for anything else. */
export function systemErrorCode(error: unknown): string | null {
  return textOf(error, 'code');
}

/** The first line of what went wrong, without a stack. */
export function messageOf(error: unknown): string {
  const text = textOf(error, 'message') ?? String(error);
  return text.split('\n', 1)[0] ?? text;
}

/** A text that an error bears. By its looks: `instanceof` fails for what comes from another realm, as in jest. */
export function textOf(error: unknown, property: 'code' | 'message' | 'path'): string | null {
  if (typeof error !== 'object' || error === null) return null;
  const value: unknown = Reflect.get(error, property);
  return typeof value === 'string' ? value : null;
}

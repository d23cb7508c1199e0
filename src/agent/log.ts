/** What the agent says of itself: one line an event, without a time, which journald adds. */
export interface Log {
  readonly info: (line: string) => void;
  readonly warn: (line: string) => void;
  readonly error: (line: string) => void;
  /** Only with --verbose. */
  readonly detail: (line: string) => void;
}

/** @param write takes one line that ends with a line break */
export function createLog(write: (line: string) => void, { verbose }: { verbose: boolean }): Log {
  const say =
    (prefix: string) =>
    (line: string): void =>
      write(`${prefix}${withoutControls(line)}\n`);
  return {
    info: say(''),
    warn: say('warning: '),
    error: say('error: '),
    detail: verbose ? say('') : () => undefined,
  };
}

/** What comes from a server or a command may not break the line, nor steer a terminal. */
function withoutControls(line: string): string {
  return line.replace(/\p{Cc}+/gu, ' ').trimEnd();
}

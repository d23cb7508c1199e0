/** Runs a script's work: what goes wrong is one sentence on standard error and exit code 1. */
export async function runScript(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    console.error(sentenceOf(error));
    process.exitCode = 1;
  }
}

function sentenceOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (code === 'ECONNREFUSED')
    return 'The server cannot be reached: is it running (make start), and is the address right?';
  return typeof message === 'string' && message !== '' ? message : String(error);
}

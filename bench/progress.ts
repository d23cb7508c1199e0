const SAY_EVERY_MS = 5_000;

/** Tells how far a count has come, at most every 5 s and when it is complete. */
export function countingProgress(what: string, of: number): (count: number) => void {
  const began = performance.now();
  let saidAt = began;
  let done = false;
  return (count) => {
    const now = performance.now();
    if (done || (count < of && now - saidAt < SAY_EVERY_MS)) return;
    saidAt = now;
    done = count >= of;
    say(`  ${what}: ${count} of ${of} (${Math.round((now - began) / 1_000)} s)`);
  };
}

export function say(line: string): void {
  console.log(line);
}

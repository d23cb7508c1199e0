/** Works at most once in so many milliseconds, never twice at once. @returns how to stop; what fails is tried again */
export function setIntervalUnlessBusy(everyMs: number, work: () => Promise<void>): () => void {
  let isBusy = false;
  const timer = setInterval(() => {
    if (isBusy) return;
    isBusy = true;
    void work()
      .catch(() => undefined) // a Postgres or an API that is away, as some benches want it
      .finally(() => (isBusy = false));
  }, everyMs);
  return () => clearInterval(timer);
}

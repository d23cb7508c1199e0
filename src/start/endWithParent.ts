/**
 * For a process that the supervisor starts: calls `shutdown` when the supervisor is gone, also after `kill -9`,
 * which the end of the channel between the two shows. Started by hand there is no channel, and nothing happens.
 */
export function endWithParent(shutdown: () => void): void {
  if (process.send === undefined) return;
  if (!process.connected) {
    shutdown();
    return;
  }
  process.once('disconnect', shutdown);
  // The channel alone must not keep a process alive that has otherwise finished.
  process.channel?.unref();
}

/** What ops have to know of the messages of a client. */
export interface NotificationsAtAGlance {
  readonly openIncidents: number;
  readonly openAlerts: number;
  readonly pendingNotifications: number;
  readonly lastError: string | null;
}

/** One line: "2 incidents are open (14 alerts); 1 message waits: https://hooks.example answered 503". */
export function describeNotifications({
  openIncidents,
  openAlerts,
  pendingNotifications,
  lastError,
}: NotificationsAtAGlance): string {
  const open =
    openIncidents === 0
      ? 'Nothing is open'
      : `${counted(openIncidents, 'incident is', 'incidents are')} open (${counted(openAlerts, 'alert', 'alerts')})`;
  if (pendingNotifications === 0) return `${open}; everybody has been told`;
  const why = lastError === null ? '' : `: ${lastError}`;
  return `${open}; ${counted(pendingNotifications, 'message waits', 'messages wait')} to be sent${why}`;
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

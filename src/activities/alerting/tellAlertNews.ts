import pLimit from 'p-limit';
import { NotificationFeed } from '../../db/notifications.ts';
import type { AlertNewsRepository } from '../../db/repositories/alerting/alertNews.ts';
import type { ReachFaultPoint } from '../../faultPoints.ts';
import { sleepUnless } from '../../net/abortable.ts';

/** What telling the workflows of clients needs of Temporal. */
export interface NotificationWorkflows {
  /** Starts the workflow of a client where it is missing, and tells it that there is news. */
  tell(clientId: string): Promise<void>;
  /** @returns false when it runs already */
  start(clientId: string): Promise<boolean>;
}

export interface TellAlertNewsDeps {
  readonly databaseUrl: string;
  readonly news: Pick<AlertNewsRepository, 'takeClientsToTell'>;
  readonly workflows: Pick<NotificationWorkflows, 'tell'>;
  /** Ends it. */
  readonly signal: AbortSignal;
  readonly reach: ReachFaultPoint;
  /** Told once for each trouble, not each second. */
  readonly onFault: (error: unknown) => void;
}

/** Whether Postgres says so or not. */
const LOOK_EVERY_MS = 1_000;
/** A storm is told in a few signals. */
const LOOK_AT_MOST_EVERY_MS = 100;
const TOLD_AT_ONCE = 20;

/**
 * Tells the workflows of clients what has happened to their alerts, as soon as it is committed: Postgres notifies, and is
 * asked every second besides. What nobody has taken some seconds later is told again, by any worker.
 */
export async function tellAlertNews(deps: TellAlertNewsDeps): Promise<void> {
  const { signal } = deps;
  let isTroubled = false;
  let wake = (): void => undefined;
  const feed = new NotificationFeed({
    url: deps.databaseUrl,
    channels: { alert_news: () => wake() },
    onConnected: () => wake(),
    // Said by the question below, which then fails as well; without notifications there is still the question.
    onFault: () => undefined,
  });
  do {
    const woken = new AbortController();
    wake = () => woken.abort();
    try {
      await tell(deps);
      isTroubled = false;
    } catch (error) {
      if (!isTroubled) deps.onFault(error);
      isTroubled = true;
    }
    await sleepUnless(AbortSignal.any([woken.signal, signal]), LOOK_EVERY_MS);
  } while (await sleepUnless(signal, LOOK_AT_MOST_EVERY_MS));
  await feed.stop();
}

async function tell({ news, workflows, reach }: TellAlertNewsDeps): Promise<void> {
  const clientIds = await news.takeClientsToTell();
  if (clientIds.length === 0) return;
  reach('news.beforeSignal');
  await pLimit(TOLD_AT_ONCE).map(clientIds, (clientId) => workflows.tell(clientId));
  reach('news.signalled');
}

import { cut } from '../domain/cut.ts';
import type { ToldAlert } from '../domain/incidentMessage.ts';
import type { Delivery } from './channel.ts';
import { messageColour } from './colour.ts';
import { oneLine } from './excerpt.ts';
import {
  alertState,
  alertText,
  incidentLine,
  moreLine,
  REPEAT_NOTICE,
  timeInWords,
  titleLine,
} from './words.ts';

/** Limits of Block Kit, in characters. */
const MAX_HEADER = 150;
const MAX_SECTION = 3_000;
/** Ours. */
const MAX_ALERTS = 20;
const MAX_ALERT_TEXT = 300;
const MAX_FALLBACK = 300;
const MAX_LINK = 1_000;

type Block =
  | { readonly type: 'header'; readonly text: PlainText }
  | { readonly type: 'section'; readonly text: Markup }
  | { readonly type: 'context'; readonly elements: readonly Markup[] };

interface PlainText {
  readonly type: 'plain_text';
  readonly text: string;
  readonly emoji: false;
}

interface Markup {
  readonly type: 'mrkdwn';
  readonly text: string;
  /** No names, channels or mentions are looked for in it. */
  readonly verbatim: true;
}

/** What an incoming webhook is posted. */
export interface SlackMessage {
  /** For notifications and screen readers. */
  readonly text: string;
  readonly blocks: readonly Block[];
  /** Carries the bar of colour. Absent when there is nothing to say but the header. */
  readonly attachments?: readonly [
    { readonly color: string; readonly fallback: string; readonly blocks: readonly Block[] },
  ];
}

/** A header, then beside a bar of colour the alerts, a line each, and about the incident. */
export function slackMessage({ message, isPossibleDuplicate }: Delivery): SlackMessage {
  const title = titleLine(message);
  const text = escapeMarkup(cut(title, MAX_FALLBACK));
  const header: Block = {
    type: 'header',
    text: { type: 'plain_text', text: cut(title, MAX_HEADER), emoji: false },
  };
  const alerts = message.alerts.slice(0, MAX_ALERTS);
  const [only, second] = alerts;
  const about = [
    incidentLine(message),
    moreLine({ counts: message.counts, alerts }),
    only === undefined || second !== undefined ? null : runLink(only, 'Run in Temporal'),
    isPossibleDuplicate ? REPEAT_NOTICE : null,
  ].filter((element) => element !== null);
  const details: Block[] = [
    ...inSections(alerts.map((alert) => alertLine(alert, second !== undefined))),
    ...(about.length === 0 ? [] : [{ type: 'context' as const, elements: about.map(markup) }]),
  ];
  const color = messageColour(message);
  return {
    ...{ text, blocks: [header] },
    ...(details.length === 0 ? {} : { attachments: [{ color, fallback: text, blocks: details }] }),
  };
}

/** The three characters that mean something to Slack: no text may link, or call `<!channel>`. */
export function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function alertLine(alert: ToldAlert, hasLink: boolean): string {
  const text = escapeMarkup(cut(alertText(alert), MAX_ALERT_TEXT));
  const link = hasLink ? runLink(alert, 'run') : null;
  return [
    `*${alertState(alert)}*  ${text}`,
    `since ${timeInWords(alert.triggeredAt)}`,
    ...(link === null ? [] : [link]),
  ].join('  |  ');
}

function runLink({ temporalUrl }: ToldAlert, words: string): string | null {
  if (temporalUrl === null) return null;
  const url = escapeMarkup(oneLine(temporalUrl).replaceAll('|', '%7C'));
  return url.length > MAX_LINK ? null : `<${url}|${words}>`;
}

/** As few sections as hold all lines, for each counts against Slack's limit of 50 blocks. */
function inSections(lines: readonly string[]): Block[] {
  const sections: string[] = [];
  for (const line of lines) {
    const last = sections.at(-1);
    if (last === undefined || last.length + 1 + line.length > MAX_SECTION) sections.push(line);
    else sections[sections.length - 1] = `${last}\n${line}`;
  }
  return sections.map((text) => ({ type: 'section', text: markup(text) }));
}

function markup(text: string): Markup {
  return { type: 'mrkdwn', text, verbatim: true };
}

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { slackMessage, type SlackMessage } from '../../../src/channels/slackMessage.ts';
import {
  buildAlert,
  buildDelivery,
  buildMessage,
  buildResolved,
  buildTest,
} from '../../support/buildDelivery.ts';

const detailsOf = ({ attachments }: SlackMessage) => attachments?.[0].blocks ?? [];

/** The texts of all sections, and of the context, in their order. */
function textsOf(message: SlackMessage): string[] {
  return detailsOf(message).flatMap((block) =>
    block.type === 'context' ? block.elements.map(({ text }) => text) : [block.text.text],
  );
}

describe('a message to Slack', () => {
  it('has a header, the alert, and what there is to know of the incident', () => {
    expect(slackMessage(buildDelivery())).toEqual({
      text: '[CRITICAL] shop is down: Connection refused (#12)',
      blocks: [
        {
          type: 'header',
          text: {
            type: 'plain_text',
            text: '[CRITICAL] shop is down: Connection refused (#12)',
            emoji: false,
          },
        },
      ],
      attachments: [
        {
          color: '#d93f3f',
          fallback: '[CRITICAL] shop is down: Connection refused (#12)',
          blocks: [
            {
              type: 'section',
              text: {
                type: 'mrkdwn',
                text: '*Critical*  shop is down: Connection refused  |  since 2026-11-24 07:55 UTC',
                verbatim: true,
              },
            },
            {
              type: 'context',
              elements: [
                {
                  type: 'mrkdwn',
                  text: 'Incident #12, open since 2026-11-24 07:55 UTC',
                  verbatim: true,
                },
                {
                  type: 'mrkdwn',
                  text: '<https://temporal.example/namespaces/default/workflows/http-target-1|Run in Temporal>',
                  verbatim: true,
                },
              ],
            },
          ],
        },
      ],
    });
  });

  it('is green when all is over, and says how long it lasted', () => {
    const message = slackMessage(buildDelivery({ message: buildResolved() }));
    expect(message.attachments?.[0].color).toBe('#2f9e58');
    expect(message.text).toBe('[RESOLVED] shop: answers again (#12)');
    expect(textsOf(message)).toContain('Incident #12, 2026-11-24 07:55 UTC to 2026-11-24 08:07 UTC, 12 min');
  });

  it('is only its header for a test', () => {
    const message = slackMessage(buildDelivery({ message: buildTest() }));
    expect(message.attachments).toBeUndefined();
    expect(message.text).toBe('[TEST] Test message from the monitoring server');
  });

  it('says that it may be a repeat', () => {
    const message = slackMessage(buildDelivery({ isPossibleDuplicate: true }));
    expect(textsOf(message).at(-1)).toMatch(/^This may be a repeat/);
    expect(textsOf(slackMessage(buildDelivery())).join()).not.toContain('repeat');
  });

  it('lists several alerts with a link each, and counts the others', () => {
    const alerts = [buildAlert(), buildAlert({ text: 'api is down', status: 'acknowledged' })];
    const message = buildMessage({ alerts, counts: { firing: 30, acknowledged: 1, resolved: 0 } });
    const [lines = '', ...context] = textsOf(slackMessage(buildDelivery({ message })));
    expect(lines.split('\n')).toEqual([
      expect.stringMatching(/^\*Critical\* {2}shop is down.*\|run>$/),
      expect.stringMatching(/^\*Acknowledged\* {2}api is down.*\|run>$/),
    ]);
    expect(context).toContain('+29 more');
    expect(context.join()).not.toContain('Run in Temporal');
  });

  it('lets no text link, mention or call anybody', () => {
    const alerts = [
      buildAlert({
        text: '<!channel> & <https://evil.example|here>',
        temporalUrl: 'https://t.example/a|b>c?x=1&y=2',
      }),
    ];
    const message = slackMessage(
      buildDelivery({ message: buildMessage({ alerts, headline: 'Look <!here>' }) }),
    );
    const [line] = textsOf(message);
    expect(line).toContain('&lt;!channel&gt; &amp; &lt;https://evil.example|here&gt;');
    expect(message.text).toBe('[CRITICAL] Look &lt;!here&gt; (#12)');
    expect(textsOf(message)).toContain('<https://t.example/a%7Cb&gt;c?x=1&amp;y=2|Run in Temporal>');
  });

  it('keeps within the limits of Slack, whatever is said', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 500 }),
      fc.constantFrom('&'.repeat(5_000), '<'.repeat(5_000), 'x'.repeat(5_000), '😀'.repeat(2_000)),
    );
    const alert = fc.record({ text, resolution: fc.option(text), temporalUrl: fc.option(text) });
    const sent = fc.record({ headline: text, alerts: fc.array(alert, { maxLength: 30, size: 'max' }) });
    fc.assert(
      fc.property(sent, ({ headline, alerts }) => {
        const message = slackMessage(
          buildDelivery({ message: buildMessage({ headline, alerts: alerts.map(buildAlert) }) }),
        );
        const [header] = message.blocks;
        const details = detailsOf(message);
        expect(header?.type === 'header' ? header.text.text.length : 0).toBeLessThanOrEqual(150);
        expect(1 + details.length).toBeLessThanOrEqual(50);
        for (const block of details) {
          if (block.type === 'context') expect(block.elements.length).toBeLessThanOrEqual(10);
        }
        for (const shown of textsOf(message)) {
          expect(shown.length).toBeLessThanOrEqual(3_000);
          expect(shown.length).toBeGreaterThan(0);
        }
        expect(
          textsOf(message)
            .join('\n')
            .match(/\*Critical\*/g)?.length ?? 0,
        ).toBeLessThanOrEqual(20);
      }),
      { numRuns: 50 },
    );
  });
});

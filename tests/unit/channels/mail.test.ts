import { describe, expect, it } from '@jest/globals';
import { mailHeaders, mailSubject } from '../../../src/channels/mailHeaders.ts';
import { mailHtml } from '../../../src/channels/mailHtml.ts';
import { maskedRecipients } from '../../../src/channels/mailRecipient.ts';
import {
  buildAlert,
  buildDelivery,
  buildMessage,
  buildResolved,
  buildTest,
  INCIDENT_ID,
  NOTIFICATION_ID,
} from '../../support/buildDelivery.ts';

const FROM = 'Monitoring <monitoring@ops.example>';

describe('the thread of an incident', () => {
  it('begins with the message that opens it', () => {
    expect(mailHeaders(buildDelivery(), FROM)).toEqual({
      messageId: `<incident.${INCIDENT_ID}@ops.example>`,
      headers: { 'Auto-Submitted': 'auto-generated', 'X-Incident': '12' },
    });
  });

  it('goes on with answers to it, each with a name of its own', () => {
    const delivery = buildDelivery({ message: buildResolved(), isPossibleDuplicate: true });
    expect(mailHeaders(delivery, FROM)).toEqual({
      messageId: `<notification.${NOTIFICATION_ID}@ops.example>`,
      inReplyTo: `<incident.${INCIDENT_ID}@ops.example>`,
      references: `<incident.${INCIDENT_ID}@ops.example>`,
      headers: { 'Auto-Submitted': 'auto-generated', 'X-Incident': '12', 'X-Possible-Duplicate': 'yes' },
    });
  });

  it('has nothing to do with a test', () => {
    const headers = mailHeaders(buildDelivery({ message: buildTest() }), FROM);
    expect(headers).toEqual({
      messageId: `<notification.${NOTIFICATION_ID}@ops.example>`,
      headers: { 'Auto-Submitted': 'auto-generated' },
    });
  });

  it('has one subject but for the label', () => {
    expect(mailSubject(buildMessage())).toBe('[CRITICAL] shop is down: Connection refused (#12)');
    expect(mailSubject(buildResolved())).toBe('[RESOLVED] shop is down: Connection refused (#12)');
    expect(mailSubject(buildTest())).toBe('[TEST] Test message from the monitoring server');
  });

  it.each([
    ['monitoring@localhost', 'localhost'],
    ['"Ops @ night" <ops@bücher.example>', 'xn--bcher-kva.example'],
    ['nobody', 'localhost'],
  ])('is named after the domain of %s', (from, domain) => {
    expect(mailHeaders(buildDelivery(), from).messageId).toBe(`<incident.${INCIDENT_ID}@${domain}>`);
  });
});

describe('a mail as HTML', () => {
  it('says what the text says', () => {
    const html = mailHtml(buildMessage({ counts: { firing: 5, acknowledged: 0, resolved: 0 } }), true);
    for (const words of [
      'CRITICAL',
      'shop is down: Connection refused',
      'since 2026-11-24 07:55 UTC',
      'Incident #12, open since 2026-11-24 07:55 UTC',
      '+4 more',
      'This may be a repeat',
      'href="https://temporal.example/namespaces/default/workflows/http-target-1"',
    ]) {
      expect(html).toContain(words);
    }
  });

  it('leaves background and text to the reader, who may have it dark', () => {
    const html = mailHtml(buildMessage(), false);
    expect(html).toContain('<meta name="color-scheme" content="light dark">');
    expect(html).not.toMatch(/background|[";]color:/);
  });

  it('shows markup as it is written', () => {
    const alerts = [
      buildAlert({ text: '<script>alert("1")</script>', temporalUrl: 'https://t.example/"onclick="x' }),
    ];
    const html = mailHtml(buildMessage({ alerts, headline: "<img src='x'>" }), false);
    expect(html).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;');
    expect(html).toContain('&lt;img src=&#39;x&#39;&gt;');
    expect(html).toContain('href="https://t.example/&quot;onclick=&quot;x"');
    expect(html).not.toMatch(/<script|<img/);
  });
});

it.each([
  [['ada@example.com'], 'a•••@example.com'],
  [['x@example.com', 'b@example.com', 'c@example.com'], 'x•••@example.com and 2 more'],
])('calls %p "%s"', (addresses, words) => {
  expect(maskedRecipients(addresses)).toBe(words);
});

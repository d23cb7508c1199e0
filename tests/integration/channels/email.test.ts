import { describe, expect, it } from '@jest/globals';
import {
  buildAlert,
  buildDelivery,
  buildMessage,
  buildResolved,
  INCIDENT_ID,
  NOTIFICATION_ID,
} from '../../support/buildDelivery.ts';
import { startMailServer } from '../../support/mailServer.ts';
import { until } from '../../support/until.ts';
import { sendMail } from './sendMail.ts';

const FIRST = `<incident.${INCIDENT_ID}@ops.example>`;
const OWN = `<notification.${NOTIFICATION_ID}@ops.example>`;

describe('a mail', () => {
  it('arrives as text and HTML, under a subject that says how bad it is', async () => {
    await using server = await startMailServer();
    expect(await sendMail(server.url)).toEqual({ kind: 'sent', answer: '250 queued as 1' });
    expect(server.received()).toMatchObject([
      {
        to: ['ada@example.com'],
        subject: '[CRITICAL] shop is down: Connection refused (#12)',
        text: expect.stringContaining('Critical: shop is down: Connection refused'),
        html: expect.stringContaining('<strong>Critical</strong> shop is down: Connection refused'),
      },
    ]);
    expect(server.received()[0]?.headers).toEqual(
      expect.arrayContaining([
        'From: Monitoring <monitoring@ops.example>',
        'To: ada@example.com',
        'Auto-Submitted: auto-generated',
        'X-Incident: 12',
      ]),
    );
  });

  it('leaves no connection behind', async () => {
    await using server = await startMailServer();
    await sendMail(server.url);
    await until(() => server.connected() === 0, { what: 'the client to be gone' });
  });

  it('goes to all recipients at once, each of whom sees the others', async () => {
    await using server = await startMailServer();
    await sendMail(server.url, { to: ['ada@example.com', 'bob@example.com'] });
    expect(server.received()).toHaveLength(1);
    expect(server.received()[0]?.to).toEqual(['ada@example.com', 'bob@example.com']);
    expect(server.received()[0]?.headers).toContain('To: ada@example.com, bob@example.com');
  });

  it('is in one thread with the others about its incident', async () => {
    await using server = await startMailServer();
    await sendMail(server.url);
    await sendMail(server.url, { delivery: buildDelivery({ message: buildResolved() }) });
    const [opened, resolved] = server.received();
    expect(opened).toMatchObject({ messageId: FIRST, inReplyTo: null });
    expect(resolved).toMatchObject({
      ...{ messageId: OWN, inReplyTo: FIRST },
      subject: '[RESOLVED] shop is down: Connection refused (#12)',
    });
    expect(resolved?.headers).toContain(`References: ${FIRST}`);
  });

  it('has the same name when it comes twice, and says that it may', async () => {
    await using server = await startMailServer();
    const delivery = buildDelivery({ message: buildResolved() });
    await sendMail(server.url, { delivery });
    await sendMail(server.url, { delivery: { ...delivery, attempt: 2, isPossibleDuplicate: true } });
    const [first, second] = server.received();
    expect([first?.messageId, second?.messageId]).toEqual([OWN, OWN]);
    expect(first?.headers.join()).not.toContain('X-Possible-Duplicate');
    expect(second?.headers).toContain('X-Possible-Duplicate: yes');
    expect(second?.text).toContain('This may be a repeat');
  });

  it('takes no header from a name, and shows no markup of it', async () => {
    await using server = await startMailServer();
    const name = 'shop\r\nBcc: eve@example.com\r\nX-Evil: 1\r\n\r\n<img src=x>';
    const message = buildMessage({ headline: name, alerts: [buildAlert({ text: name })] });
    const incident = message.incident && { ...message.incident, title: name };
    await sendMail(server.url, { delivery: buildDelivery({ message: { ...message, incident } }) });
    const [mail] = server.received();
    expect(mail?.to).toEqual(['ada@example.com']);
    expect(mail?.subject).toBe('[CRITICAL] shop Bcc: eve@example.com X-Evil: 1 <img src=x> (#12)');
    expect(mail?.headers.filter((line) => /^(Bcc|X-Evil):/i.test(line))).toEqual([]);
    expect(mail?.html).not.toContain('<img');
  });

  it('says everything in any alphabet', async () => {
    await using server = await startMailServer();
    const headline = 'Büro 東京 🔥 is down';
    const message = buildMessage({ headline, alerts: [buildAlert({ text: '.\n東京 🔥 is down' })] });
    const incident = message.incident && { ...message.incident, title: headline };
    await sendMail(server.url, { delivery: buildDelivery({ message: { ...message, incident } }) });
    const [mail] = server.received();
    expect(mail?.subject).toBe('[CRITICAL] Büro 東京 🔥 is down (#12)');
    expect(mail?.text).toContain('Critical: . 東京 🔥 is down');
    expect(mail?.html).toContain('東京 🔥');
  });
});

import type { ChannelContext, Delivery } from '../../src/channels/channel.ts';
import type { IncidentMessage, ToldAlert } from '../../src/domain/incidentMessage.ts';

export const NOTIFICATION_ID = '6f0d6f6e-3c53-4c56-9a64-0d6a3a1c0001';
export const INCIDENT_ID = '0b5a3d52-7a0f-4a55-8f0d-5f6f0c0c0012';

/** 2026-11-24 08:00 UTC. */
export const NOW = Date.UTC(2026, 10, 24, 8, 0, 0);

export function buildAlert(overrides: Partial<ToldAlert> = {}): ToldAlert {
  return {
    id: '9d3f0a5e-0000-4000-8000-000000000001',
    source: 'http_target',
    status: 'firing',
    severity: 'critical',
    text: 'shop is down: Connection refused',
    triggeredAt: '2026-11-24T07:55:10.000Z',
    resolvedAt: null,
    resolution: null,
    temporalUrl: 'https://temporal.example/namespaces/default/workflows/http-target-1',
    ...overrides,
  };
}

/** An incident of one alert, just opened; more alerts are counted as they are. */
export function buildMessage(overrides: Partial<IncidentMessage> = {}): IncidentMessage {
  const alerts = overrides.alerts ?? [buildAlert()];
  const count = (status: ToldAlert['status']) => alerts.filter((alert) => alert.status === status).length;
  return {
    kind: 'opened',
    severity: 'critical',
    headline: 'shop is down: Connection refused',
    at: '2026-11-24T07:55:40.000Z',
    incident: {
      id: INCIDENT_ID,
      number: 12,
      title: 'shop is down: Connection refused',
      openedAt: '2026-11-24T07:55:10.000Z',
      resolvedAt: null,
      isFlapping: false,
    },
    counts: { firing: count('firing'), acknowledged: count('acknowledged'), resolved: count('resolved') },
    alerts,
    ...overrides,
  };
}

/** The same incident when it is over, 12 minutes later. */
export function buildResolved(): IncidentMessage {
  const resolvedAt = '2026-11-24T08:07:40.000Z';
  const opened = buildMessage();
  return {
    ...opened,
    kind: 'resolved',
    headline: 'shop: answers again',
    at: resolvedAt,
    incident: opened.incident && { ...opened.incident, resolvedAt },
    counts: { firing: 0, acknowledged: 0, resolved: 1 },
    alerts: [buildAlert({ status: 'resolved', resolvedAt, resolution: 'answers again' })],
  };
}

/** A test of a channel. */
export function buildTest(): IncidentMessage {
  return buildMessage({
    kind: 'test',
    severity: 'info',
    headline: 'Test message from the monitoring server',
    incident: null,
    alerts: [],
  });
}

export function buildDelivery(overrides: Partial<Delivery> = {}): Delivery {
  return {
    notificationId: NOTIFICATION_ID,
    message: buildMessage(),
    isPossibleDuplicate: false,
    attempt: 1,
    ...overrides,
  };
}

/** Where nothing can be sent, unless a test says how. */
export function buildContext(overrides: Partial<ChannelContext> = {}): ChannelContext {
  return {
    post: () => Promise.reject(new Error('This test posts nothing')),
    smtp: null,
    stubSlack: false,
    signal: new AbortController().signal,
    now: () => NOW,
    ...overrides,
  };
}

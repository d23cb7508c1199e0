export const CHANNEL_EXAMPLE = {
  id: 'c2b1a0f9-5d7e-4a3b-8c6d-0e1f2a3b4c5d',
  type: 'slack',
  name: 'On call',
  config: { webhook_url: 'https://hooks.slack.com/••••' },
  recipient: 'https://hooks.slack.com/…',
  severities: ['warning', 'critical'],
  sources: null,
  escalation_minutes: 0,
  is_active: true,
  created_at: '2026-01-01T00:00:00.000Z',
  updated_at: '2026-01-01T00:00:00.000Z',
};

export const CREATE_EXAMPLES = {
  slack: {
    type: 'slack',
    name: 'On call',
    config: { webhook_url: 'https://hooks.slack.com/services/T000/B000/XXXX' },
    severities: ['warning', 'critical'],
  },
  'mail when nobody acknowledges for a quarter of an hour': {
    type: 'email',
    name: 'Team lead',
    config: { to: ['lead@example.com'] },
    severities: ['critical'],
    escalation_minutes: 15,
  },
  'signed webhook, for targets and their certificates': {
    type: 'webhook',
    name: 'Ticket system',
    config: { url: 'https://tickets.example.com/hook', secret: 'sixteen-characters-or-more' },
    sources: ['http_target', 'certificate'],
  },
};

export const CHANGE_EXAMPLES = {
  pause: { is_active: false },
  'another secret, the same address': {
    config: { url: 'https://tickets.example.com/••••', secret: 'another-sixteen-characters' },
  },
};

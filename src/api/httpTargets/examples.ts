/** Examples for the documentation. */
export const TARGET_EXAMPLE = {
  id: '7f0c6c0e-8a5f-4a53-9a37-2f3b1d0f6a11',
  name: 'Shop',
  url: 'https://shop.example.com/health',
  method: 'GET',
  accepted_status_codes: null,
  timeout_seconds: 10,
  check_interval_seconds: 60,
  is_active: true,
  is_up: true,
  is_pending: false,
  last_check_at: '2026-01-31T08:00:00.012Z',
  last_check_age_sec: 12,
  last_state_change_age_sec: 86_412,
  last_status_code: 200,
  last_status_label: 'OK',
  last_response_time_ms: 34,
  last_error_message: null,
  status_message: 'up, 200 in 34 ms, next check 08:01:00',
  status: 'UP',
  failure_class: null,
  consecutive_failures: 0,
  last_state_change_at: '2026-01-30T08:00:00.000Z',
  next_check_at: '2026-01-31T08:01:00.000Z',
  certificate_expires_at: '2026-04-01T00:00:00.000Z',
  tags: ['production'],
  created_at: '2026-01-01T00:00:00.000Z',
  updated_at: '2026-01-01T00:00:00.000Z',
};

export const CHECK_EXAMPLE = {
  scheduled_at: '2026-01-31T08:00:00.000Z',
  started_at: '2026-01-31T08:00:00.012Z',
  ok: true,
  status_code: 200,
  failure_class: null,
  error_message: null,
  dns_ms: 2,
  tcp_ms: 5,
  tls_ms: 9,
  first_byte_ms: 17,
  total_ms: 34,
  kind: 'scheduled',
};

export const CREATE_EXAMPLES = {
  'a page that has to answer': {
    name: 'Shop',
    url: 'https://shop.example.com/health',
    timeout_seconds: 10,
    check_interval_seconds: 60,
  },
  'an API behind a login': {
    name: 'Orders API',
    url: 'https://api.example.com/orders/search',
    method: 'POST',
    headers: { Authorization: 'Bearer <token>', 'Content-Type': 'application/json' },
    body: '{"limit": 1}',
    accepted_status_codes: [200, '202-204', [401, 403]],
    tags: ['production', 'orders'],
  },
};

export const CHANGE_EXAMPLES = {
  pause: { is_active: false },
  'check more often': { check_interval_seconds: 30, timeout_seconds: 5 },
  'one more header': { headers: { Authorization: '********', 'X-Probe': 'monitoring' } },
};

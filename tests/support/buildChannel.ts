let made = 0;

/** What a client posts to create a webhook channel; each has a name of its own. */
export function buildChannelBody(overrides: Readonly<Record<string, unknown>> = {}) {
  made += 1;
  return {
    type: 'webhook',
    name: `Channel ${made}`,
    config: { url: `https://hooks.example.com/path-secret-${made}` },
    ...overrides,
  };
}

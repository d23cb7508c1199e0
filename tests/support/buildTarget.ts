import { randomUUID } from 'node:crypto';

/** The body of a POST that is taken, with a URL that nobody else has. */
export function buildTargetBody(overrides: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    name: 'Shop',
    url: `https://shop.example.com/${randomUUID()}`,
    timeout_seconds: 10,
    check_interval_seconds: 60,
    ...overrides,
  };
}

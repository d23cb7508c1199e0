import { describe, expect, it } from '@jest/globals';
import { nearestRoute } from '../../../src/api/nearestRoute.ts';

const ROUTES = [
  '/api/v1/health',
  '/api/v1/http-targets',
  '/api/v1/http-targets/{id}',
  '/api/v1/settings',
  '/docs',
];

describe('nearestRoute', () => {
  it.each([
    ['/api/v1/http_targets', '/api/v1/http-targets'],
    ['/api/v1/HTTP-Targets', '/api/v1/http-targets'],
    ['/http-targets', '/api/v1/http-targets'],
    ['/api/v1/http_targets/123', '/api/v1/http-targets/{id}'],
    ['/api/v1/setting', '/api/v1/settings'],
    ['/doc', '/docs'],
  ])('should find what was meant by %s', (path, route) => {
    expect(nearestRoute(path, '/api/v1', ROUTES)).toBe(route);
  });
});

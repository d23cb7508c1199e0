import { expect } from '@jest/globals';
import type { ApiClient, ApiResponse } from './apiClient.ts';

/**
 * Reads a list that answers bare arrays, page after page, by its Link header.
 *
 * @param meanwhile runs after each page: what is written then must not be seen twice, or push anything out
 */
export async function allPages(
  client: ApiClient,
  path: string,
  meanwhile: () => Promise<unknown>,
): Promise<readonly unknown[]> {
  const seen: unknown[] = [];
  let next: string | null = path;
  while (next !== null) {
    const page: ApiResponse = await client.get(next);
    expect(page.status).toBe(200);
    seen.push(...(page.body as unknown[]));
    const link: string | null = page.headers.get('Link');
    expect(link === null).toBe(page.headers.get('X-Next-Cursor') === null);
    next = link === null ? null : (/<\/api\/v1(.*)>; rel="next"/.exec(link)?.[1] ?? null);
    await meanwhile();
  }
  return seen;
}

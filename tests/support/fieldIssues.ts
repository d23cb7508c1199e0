import type { ApiResponse } from './apiClient.ts';

/** What a 422 complains about: its types by place, `body.tags.0`. */
export function fieldIssues({ body }: ApiResponse): Record<string, string> {
  const { detail } = body as { detail: { loc: (string | number)[]; type: string }[] };
  return Object.fromEntries(detail.map(({ loc, type }) => [loc.join('.'), type]));
}

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiClient } from '../support/apiClient.ts';
import { startApi, type ApiUnderTest } from '../support/apiUnderTest.ts';
import { buildTargetBody } from '../support/buildTarget.ts';

let api: ApiUnderTest;
let client: ApiClient;
beforeAll(async () => {
  api = await startApi();
  client = await api.newClient();
});
afterAll(() => api.close());

describe('#http-targets.create', () => {
  it('should answer with the id and the place of the new target', async () => {
    const answer = await client.post('/http-targets', buildTargetBody());
    expect(answer.status).toBe(201);
    const { id } = answer.body as { id: string };
    expect(answer.headers.get('Location')).toBe(`/api/v1/http-targets/${id}`);
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runBeside, type Ended } from '../support/runBeside.ts';
import { StackClient } from '../support/stackClient.ts';
import { startStack, type Stack } from '../support/stack.ts';

describe('smoke_http_targets.sh', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack();
  }, 90_000);

  afterAll(async () => {
    await stack.destroy();
  }, 30_000);

  function smoke(key: string): Promise<Ended> {
    const API = `http://127.0.0.1:${stack.ports.api}`;
    return runBeside(stack, ['./scripts/smoke_http_targets.sh'], { API, KEY: key });
  }

  it('should pass, again and again, and leave nothing behind', async () => {
    for (let times = 0; times < 2; times += 1) {
      expect(await smoke(stack.apiKey())).toMatchObject({ code: 0, stderr: '' });
    }
    expect(await new StackClient(stack).request('GET', '/http-targets')).toEqual({ status: 200, body: [] });
  });

  it('should fail with a key that is not known, and say what was wrong', async () => {
    const { code, stderr } = await smoke('not-a-key');
    expect(code).not.toBe(0);
    expect(stderr).toContain('401');
  });

  it('should fail without a key', async () => {
    const { code, stderr } = await smoke('');
    expect(code).not.toBe(0);
    expect(stderr).toContain('KEY');
  });
});

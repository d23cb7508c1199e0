import { describe, expect, it } from '@jest/globals';
import { nodeEnvironment } from '../../../src/start/nodeTuning.ts';

describe('the environment of a Node process', () => {
  it('should keep memory and start small', () => {
    expect(nodeEnvironment({ dataDir: '/data' }, { PATH: '/bin' })).toEqual({
      PATH: '/bin',
      MALLOC_ARENA_MAX: '2',
      NODE_COMPILE_CACHE: '/data/cache/node',
    });
  });

  it('should leave what the user has set', () => {
    const given = { MALLOC_ARENA_MAX: '8', NODE_COMPILE_CACHE: '/elsewhere' };
    expect(nodeEnvironment({ dataDir: '/data' }, given)).toEqual(given);
  });
});

/**
 * Five suites, each a folder under tests/:
 * unit (pure), contract (API shapes), integration (real Postgres, real Temporal),
 * e2e (the whole stack, started as a user starts it), replay (committed workflow histories).
 */
const suite = (name, extra = {}) => ({
  displayName: name,
  testMatch: [`<rootDir>/tests/${name}/**/*.test.ts`],
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2024' },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  ...extra,
});

export default {
  projects: [
    suite('unit'),
    suite('contract', {
      globalSetup: '<rootDir>/tests/support/postgresSetup.ts',
      globalTeardown: '<rootDir>/tests/support/postgresTeardown.ts',
    }),
    suite('integration', {
      globalSetup: '<rootDir>/tests/support/serversSetup.ts',
      globalTeardown: '<rootDir>/tests/support/serversTeardown.ts',
    }),
    suite('e2e'),
    suite('replay'),
  ],
  maxWorkers: 2,
  testTimeout: 30_000,
};

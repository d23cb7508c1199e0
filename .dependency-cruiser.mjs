/** The import fences of docs/ARCHITECTURE.md, kept by `make lint`. */
const fence = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

export default {
  forbidden: [
    fence('no-circular', 'A cycle has no first file to read.', {}, { circular: true }),
    fence(
      'domain-is-pure',
      'src/domain imports nothing of ours: it runs in workflows, activities and tests alike.',
      { path: '^src/domain/' },
      { pathNot: '^src/domain/' },
    ),
    fence(
      'workflows-stay-small',
      'A workflow bundle is cached once per running workflow: only the SDK, the rules and types go in.',
      { path: '^src/workflows/' },
      {
        pathNot: '^(src/workflows/|src/domain/|node_modules/@temporalio/(workflow|common)/)',
        dependencyTypesNot: ['type-only'],
      },
    ),
    fence(
      'api-not-activities',
      'They meet in Temporal and Postgres only.',
      { path: '^src/api/' },
      { path: '^src/activities/' },
    ),
    fence(
      'activities-not-api',
      'They meet in Temporal and Postgres only.',
      { path: '^src/activities/' },
      { path: '^src/api/' },
    ),
    fence(
      'channels-only-send',
      'A channel knows a message and how to send it: no rows, no workflows.',
      { path: '^src/channels/' },
      { pathNot: '^(src/channels/|src/domain/|src/net/|node_modules/)', dependencyTypesNot: ['core'] },
    ),
    fence(
      'agent-stands-alone',
      'It runs on other machines: rules, and what has no part in the server, are all that it shares.',
      { path: '^src/agent/' },
      {
        pathNot:
          '^(src/agent/|src/domain/|src/net/abortable|src/start/(endWithParent|processIdentity|processLock|startError|waitFor)\\.ts|node_modules/)',
        dependencyTypesNot: ['core'],
      },
    ),
    fence(
      'nobody-needs-the-agent',
      'The server knows it by what it posts.',
      { path: '^(src|temporal|scripts)/', pathNot: '^src/agent/' },
      { path: '^src/agent/' },
    ),
    fence(
      'sources-not-tests',
      'What ships never needs the tests.',
      { path: '^(src|temporal|scripts)/' },
      { path: '^(tests|bench)/' },
    ),
    fence(
      'no-dev-dependencies',
      'What ships runs without devDependencies.',
      { path: '^(src|temporal|scripts)/' },
      { dependencyTypes: ['npm-dev'] },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};

import type { Config } from '../config.ts';
import type { DataPaths } from './dataDirectory.ts';
import { postgresAddress } from './externalServers.ts';

/** What a person needs to know when the stack is up, line by line. */
export function summary(config: Config, paths: DataPaths): string[] {
  const api = `http://127.0.0.1:${config.port}`;
  const rows: [string, string][] = [
    ['API', `${api}/api/v1`],
    ['Docs', `${api}/docs  (OpenAPI: ${api}/openapi.json)`],
    ['Temporal UI', config.temporal.uiUrl ?? `of ${config.temporal.address} (tell us with TEMPORAL_UI_URL)`],
    ['Temporal', `${config.temporal.address}, namespace ${config.temporal.namespace}`],
    ['Postgres', withoutPassword(config.database.url)],
    ...(config.seed === null
      ? []
      : ([
          ['Dev login', `${config.seed.userEmail}  password ${config.seed.userPassword}`],
          ['Dev API key', `X-API-Key: ${config.seed.apiKey}`],
        ] satisfies [string, string][])),
    [
      'Data',
      config.database.embedded || config.temporal.embedded
        ? `${paths.dataDir}  (secrets: secrets.env)`
        : paths.dataDir,
    ],
    ...(config.workerProcesses === 1
      ? []
      : ([
          ['Workers', `${config.workerProcesses} processes: worker … worker-${config.workerProcesses}`],
        ] satisfies [string, string][])),
    ['Logs', paths.logs],
  ];
  return rows.map(([name, value]) => `  ${name.padEnd(12)} ${value}`);
}

function withoutPassword(url: string): string {
  const { username, pathname } = new URL(url);
  return `postgresql://${username}@${postgresAddress(url)}${pathname}`;
}

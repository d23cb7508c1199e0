/** `make migrate`: brings the schema up to date, from a shell or a release step. */
import { loadConfig } from '../src/config.ts';
import { migrate } from '../src/db/migrate.ts';
import { runScript } from './runScript.ts';

await runScript(async () => {
  const config = loadConfig();
  const { host, pathname } = new URL(config.database.migrationUrl);
  console.log(`Migrating ${host}${pathname} …`);
  const applied = await migrate({
    migrationUrl: config.database.migrationUrl,
    url: config.database.url,
    devAccess: config.seed,
    onProgress: (message) => console.log(message),
  });
  console.log(
    applied.length === 0 ? 'Nothing to do, the schema is up to date.' : `Done: ${applied.join(', ')}.`,
  );
});

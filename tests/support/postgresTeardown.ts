export { stopTestPostgres as default } from './postgresSetup.ts';

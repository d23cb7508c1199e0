export { stopTestServers as default } from './serversSetup.ts';

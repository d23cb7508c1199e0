/** What the worker's bundle holds: the exported names are the workflow types. */
export { alertSweep } from './alertSweep.ts';
export { evaluation } from './evaluation.ts';
export { heartbeatSweep } from './heartbeatSweep.ts';
export { httpTarget } from './httpTarget.ts';
export { machineHeartbeat } from './machineHeartbeat.ts';
export { notifications } from './notifications.ts';
export { reconcile } from './reconcile.ts';
export { retention } from './retention.ts';
export { rollups } from './rollups.ts';
export { selfTest } from './selfTest.ts';

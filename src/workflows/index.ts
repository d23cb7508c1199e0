/** What the worker's bundle holds: the exported names are the workflow types. */
export { httpTarget } from './httpTarget.ts';
export { reconcile } from './reconcile.ts';
export { retention } from './retention.ts';
export { rollups } from './rollups.ts';
export { selfTest } from './selfTest.ts';

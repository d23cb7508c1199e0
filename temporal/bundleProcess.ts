/** Writes the workflow bundle to its standard output and ends (see bundleElsewhere). */
import { once } from 'node:events';
import { bundleWorkflows } from './bundle.ts';

const { code } = await bundleWorkflows();
if (!process.stdout.write(code)) await once(process.stdout, 'drain');

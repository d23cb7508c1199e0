import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { withoutSources } from './bundleSourceMap.ts';

/**
 * The code of all workflows in one file: some 2 s and, in the process that does it, 200 MB that stay. Workers take
 * `cachedBundle`; this is for tests and for the process that it starts.
 */
export async function bundleWorkflows(): Promise<WorkflowBundleWithSourceMap> {
  const bundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../src/workflows/index.ts', import.meta.url)),
    logger: new DefaultLogger('WARN'),
  });
  return { ...bundle, code: withoutSources(bundle.code) };
}

import type { Client } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from './names.ts';

/** The namespace is not the way the product needs it: the message says what to run. */
export class SearchAttributesMissingError extends Error {
  override readonly name = 'SearchAttributesMissingError';
}

/**
 * @throws SearchAttributesMissingError naming all that are missing; an external namespace is never changed
 *   without being asked
 */
export async function requireSearchAttributes(client: Client, namespace: string): Promise<void> {
  const { customAttributes } = await client.connection.operatorService.listSearchAttributes({ namespace });
  const missing = Object.values(SEARCH_ATTRIBUTES)
    .map(({ name }) => name)
    .filter((name) => !(name in customAttributes));
  if (missing.length === 0) return;
  const command = missing.map((name) => `--name ${name} --type Keyword`).join(' ');
  throw new SearchAttributesMissingError(
    `The Temporal namespace "${namespace}" lacks the search attributes ${missing.join(', ')}: ` +
      `run temporal operator search-attribute create --namespace ${namespace} ${command}.`,
  );
}

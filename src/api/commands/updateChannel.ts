import type { EntityManager } from '@mikro-orm/postgresql';
import type { Channel, ChannelDefinition } from '../../db/repositories/channelRow.ts';
import { ChannelNameTakenError, ChannelRepository } from '../../db/repositories/channels.ts';
import type { Caller } from '../../db/repositories/clients.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { channelNameTaken, notFound } from '../errors.ts';

/**
 * Changes a channel as it is at that moment.
 *
 * @param change gives the whole new definition, or throws, and then nothing changes
 * @returns the channel as it is now
 * @throws ApiError 404, 409
 */
export async function updateChannel({
  em,
  caller,
  id,
  change,
  deps,
}: {
  em: EntityManager;
  caller: Caller;
  id: string;
  change: (current: Channel) => ChannelDefinition;
  deps: Pick<ApiDependencies, 'secrets'>;
}): Promise<Channel> {
  try {
    const changed = await new ChannelRepository(em, caller, deps.secrets).update(id, change);
    if (changed === null) throw notFound('This channel');
    return changed;
  } catch (error) {
    throw error instanceof ChannelNameTakenError ? channelNameTaken(error.existingId) : error;
  }
}

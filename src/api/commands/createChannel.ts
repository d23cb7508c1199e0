import type { EntityManager } from '@mikro-orm/postgresql';
import type { ChannelDefinition } from '../../db/repositories/channelRow.ts';
import {
  ChannelNameTakenError,
  ChannelRepository,
  MAX_CHANNELS,
  TooManyChannelsError,
} from '../../db/repositories/channels.ts';
import type { Caller } from '../../db/repositories/clients.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { channelNameTaken, conflict } from '../errors.ts';

/**
 * @returns the new channel's id
 * @throws ApiError 409 when the client has a channel of this name, or as many as it may have
 */
export async function createChannel({
  em,
  caller,
  type,
  definition,
  deps,
}: {
  em: EntityManager;
  caller: Caller;
  type: string;
  definition: ChannelDefinition;
  deps: Pick<ApiDependencies, 'secrets'>;
}): Promise<string> {
  const id = crypto.randomUUID();
  try {
    await new ChannelRepository(em, caller, deps.secrets).create(id, type, definition);
    return id;
  } catch (error) {
    if (error instanceof TooManyChannelsError) {
      throw conflict(`You have ${MAX_CHANNELS} channels, which is the most there may be: delete one first.`);
    }
    throw error instanceof ChannelNameTakenError ? channelNameTaken(error.existingId) : error;
  }
}

import { ApiError } from '../errors.ts';

/** Something that is there stands in the way. @param existingId what it is, where it has an id */
export function conflict(message: string, existingId?: string): ApiError {
  const detail = existingId === undefined ? { message } : { message, existing_id: existingId };
  return new ApiError('bad_request', 409, detail);
}

export function channelNameTaken(existingId: string): ApiError {
  return conflict(
    'Another channel of yours has this name: change that one, or choose another name.',
    existingId,
  );
}

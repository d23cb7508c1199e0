import { createPostJson, type JsonPost, type PostJson } from '../../../src/channels/post.ts';
import { createAddressGuard } from '../../../src/net/addressGuard.ts';
import { NOW } from '../../support/buildDelivery.ts';

type Surroundings = Partial<Parameters<typeof createPostJson>[0]>;

/** As a worker posts, but to private addresses as well, within 5 s, and at a time that stands still. */
export function buildPost(surroundings: Surroundings = {}): PostJson {
  const guard = createAddressGuard({ blockPrivate: false });
  return createPostJson({ guard, limitMs: 5_000, now: () => NOW, ...surroundings });
}

/** Posts `{}`, unless told otherwise. */
export function postTo(url: string, post: Partial<JsonPost> = {}, surroundings: Surroundings = {}) {
  const signal = new AbortController().signal;
  return buildPost(surroundings)({ url, body: '{}', signal, ...post });
}

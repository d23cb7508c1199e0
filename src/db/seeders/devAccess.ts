import { hash, verify } from '@node-rs/argon2';
import { sql } from 'kysely';
import type { EntityManager } from '@mikro-orm/postgresql';

/** The dev client's way in: an API key for programs and a login for a person. */
export interface DevAccess {
  readonly apiKey: string;
  readonly userEmail: string;
  readonly userPassword: string;
}

export const DEV_CLIENT_ID = '00000000-0000-0000-0000-000000000001';
const DEV_KEY_ID = '00000000-0000-0000-0000-000000000010';
const DEV_USER_ID = '00000000-0000-0000-0000-000000000011';

/**
 * Makes the given key and login work, under ids of their own, so that rows which operators inserted stay as
 * they are. A key that exists under another id already is left there.
 */
export async function ensureDevAccess(em: EntityManager, access: DevAccess): Promise<void> {
  const db = em.getKysely<object>();
  await sql`insert into clients (id, name) values (${DEV_CLIENT_ID}, 'Dev') on conflict do nothing`.execute(
    db,
  );
  await sql`
    insert into api_keys (id, client_id, key, name)
    select ${DEV_KEY_ID}::uuid, ${DEV_CLIENT_ID}::uuid, ${access.apiKey}, 'dev (SEED_API_KEY)'
    where not exists (
      select from api_keys
      where key = 'sha256:' || encode(sha256(convert_to(${access.apiKey}, 'UTF8')), 'hex') and id <> ${DEV_KEY_ID})
    on conflict (id) do update set key = excluded.key where api_keys.key <> excluded.key
  `.execute(db);
  await ensureUser(em, access);
}

async function ensureUser(em: EntityManager, access: DevAccess): Promise<void> {
  const db = em.getKysely<object>();
  const { rows } = await sql<{ email: string; password_hash: string }>`
    select email, password_hash from users where id = ${DEV_USER_ID}
  `.execute(db);
  const [known] = rows;
  if (known?.email === access.userEmail && (await verify(known.password_hash, access.userPassword))) return;
  await sql`
    insert into users (id, client_id, email, password_hash)
    select ${DEV_USER_ID}::uuid, ${DEV_CLIENT_ID}::uuid, ${access.userEmail}, ${await hash(access.userPassword)}
    where not exists (select from users where lower(email) = lower(${access.userEmail}) and id <> ${DEV_USER_ID})
    on conflict (id) do update set email = excluded.email, password_hash = excluded.password_hash
  `.execute(db);
}

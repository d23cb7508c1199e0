import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { BatchBody } from './batch.ts';

const MAX_BODY_BYTES = 32 * 1_048_576;
const compress = promisify(gzip);
const inflate = promisify(gunzip);

/** The body of a batch, as it is sent: byte for byte the same each time. */
export interface StoredBody {
  readonly json: Buffer;
  readonly gzipped: Buffer;
}

/** Compressed, with a checksum. */
export function pack(body: BatchBody): Promise<Buffer> {
  return compress(Buffer.from(JSON.stringify(body)));
}

/** @throws when it is not what was packed, by its checksum */
export async function unpack(gzipped: Buffer): Promise<StoredBody> {
  return { gzipped, json: await inflate(gzipped, { maxOutputLength: MAX_BODY_BYTES }) };
}

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const VERSION = 1;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** What was sealed cannot be opened: another key, or bytes that were changed or moved. */
export class SecretUnreadableError extends Error {
  override readonly name = 'SecretUnreadableError';
}

/** Seals what must not be readable in a dump of the database. */
export interface SecretBox {
  /** @param context binds the secret to its row (the row's id): moved elsewhere it does not open. */
  seal(plaintext: string, context: string): Buffer;
  /** @throws SecretUnreadableError */
  open(sealed: Buffer, context: string): string;
}

/**
 * AES-256-GCM; bytes: version, 12 of nonce, 16 of tag, ciphertext.
 *
 * @param key 32 bytes
 */
export function createSecretBox(key: Buffer): SecretBox {
  return {
    seal(plaintext, context) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(context));
      const ciphertext = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
      return Buffer.concat([Buffer.of(VERSION), iv, cipher.getAuthTag(), ciphertext]);
    },
    open(sealed, context) {
      if (sealed[0] !== VERSION)
        throw new SecretUnreadableError('Sealed by an unknown version of the product.');
      const iv = sealed.subarray(1, 1 + IV_BYTES);
      const tag = sealed.subarray(1 + IV_BYTES, 1 + IV_BYTES + TAG_BYTES);
      const ciphertext = sealed.subarray(1 + IV_BYTES + TAG_BYTES);
      const decipher = createDecipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(context)).setAuthTag(tag);
      try {
        return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8');
      } catch (error) {
        throw new SecretUnreadableError(
          'Stored headers and bodies cannot be read: ENCRYPTION_KEY is not the one they were sealed with.',
          { cause: error },
        );
      }
    },
  };
}

/**
 * What keeps a server's tokens its own [TOK-1]: AES-256-GCM under a key of each token, made by HMAC-SHA-256 of a random salt in
 * front of it. So a key seals one token, and no nonce can come twice, however many tokens there are and whichever
 * processes make them.
 */
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { type Random } from '../base/random.js';
import { type TokenProtection } from '../transport/endpoint/address-tokens.js';

/** `resetKey`: see `resetTokens`; who keeps it knows its tokens again after a restart. Default: random. */
export function tokenProtection(
  random: Random,
  resetKey: Uint8Array = randomBytes(KEY_BYTES),
): TokenProtection {
  // Never the key itself: that one makes tokens of stateless resets.
  const secret = createHmac(HASH, resetKey).update(LABEL).digest();
  const keyOf = (salt: Uint8Array): Buffer => createHmac(HASH, secret).update(salt).digest();
  return {
    seal(bytes) {
      const salt = random.bytes(SALT_BYTES);
      const cipher = createCipheriv(CIPHER, keyOf(salt), ONLY_NONCE);
      const token = new Uint8Array(SALT_BYTES + bytes.length + TAG_BYTES);
      token.set(salt);
      token.set(cipher.update(bytes), SALT_BYTES);
      cipher.final();
      token.set(cipher.getAuthTag(), SALT_BYTES + bytes.length);
      return token;
    },
    open(token) {
      const end = token.length - TAG_BYTES;
      if (end < SALT_BYTES) return undefined;
      const decipher = createDecipheriv(CIPHER, keyOf(token.subarray(0, SALT_BYTES)), ONLY_NONCE, {
        authTagLength: TAG_BYTES,
      });
      decipher.setAuthTag(token.subarray(end));
      const bytes = decipher.update(token.subarray(SALT_BYTES, end));
      try {
        decipher.final();
      } catch {
        return undefined;
      }
      return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    },
  };
}

const HASH = 'sha256';
const CIPHER = 'aes-256-gcm';
const LABEL = 'udprpc address tokens 1';
const KEY_BYTES = 32;
const SALT_BYTES = 16;
const TAG_BYTES = 16;
const ONLY_NONCE = new Uint8Array(12);

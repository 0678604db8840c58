/**
 * What keeps a server's tokens its own [TOK-1]: AES-256-GCM under keys that HMAC-SHA-256 makes of a random salt, which stands in
 * front of each token with the number of the token under that key. So no key meets a nonce twice, however many tokens there
 * are and whichever processes make them, and a flood that is told to come again costs one AEAD for each token.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { type Random } from '../base/random.js';
import { type TokenProtection } from '../transport/endpoint/address-tokens.js';

/** `resetKey`: see `resetTokens`; who keeps it knows its tokens again after a restart. Default: random. */
export function tokenProtection(
  random: Random,
  resetKey: Uint8Array = randomBytes(KEY_BYTES),
): TokenProtection {
  // Never the key itself: that one makes tokens of stateless resets.
  const secret = createHmac(HASH, resetKey).update(LABEL).digest();
  const keyOf = (salt: Uint8Array): SaltedKey => ({
    salt,
    key: createSecretKey(createHmac(HASH, secret).update(salt).digest()),
  });
  let sealing: SaltedKey | undefined;
  let sealedCount = 0;
  let opening: SaltedKey | undefined;
  return {
    seal(bytes) {
      if (sealing === undefined || sealedCount === MAX_TOKENS_OF_A_KEY) {
        sealing = keyOf(random.bytes(SALT_BYTES).slice());
        sealedCount = 0;
      }
      const token = new Uint8Array(HEAD_BYTES + bytes.length + TAG_BYTES);
      token.set(sealing.salt);
      new DataView(token.buffer).setUint32(SALT_BYTES, sealedCount++);
      const cipher = createCipheriv(CIPHER, sealing.key, nonceOf(token));
      token.set(cipher.update(bytes), HEAD_BYTES);
      cipher.final();
      token.set(cipher.getAuthTag(), HEAD_BYTES + bytes.length);
      return token;
    },
    open(token) {
      const end = token.length - TAG_BYTES;
      if (end < HEAD_BYTES) return undefined;
      const salt = token.subarray(0, SALT_BYTES);
      if (opening === undefined || Buffer.compare(opening.salt, salt) !== 0) opening = keyOf(salt.slice());
      const decipher = createDecipheriv(CIPHER, opening.key, nonceOf(token), { authTagLength: TAG_BYTES });
      decipher.setAuthTag(token.subarray(end));
      const bytes = decipher.update(token.subarray(HEAD_BYTES, end));
      try {
        decipher.final();
      } catch {
        return undefined;
      }
      return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    },
  };
}

interface SaltedKey {
  readonly salt: Uint8Array;
  readonly key: KeyObject;
}

/** The number of the token, behind zeros. */
function nonceOf(token: Uint8Array): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES);
  nonce.set(token.subarray(SALT_BYTES, HEAD_BYTES), NONCE_BYTES - NUMBER_BYTES);
  return nonce;
}

const HASH = 'sha256';
const CIPHER = 'aes-256-gcm';
const LABEL = 'udprpc address tokens 1';
const KEY_BYTES = 32;
const SALT_BYTES = 12;
const NUMBER_BYTES = 4;
const HEAD_BYTES = SALT_BYTES + NUMBER_BYTES;
const MAX_TOKENS_OF_A_KEY = 2 ** 32;
const TAG_BYTES = 16;
const NONCE_BYTES = 12;

/**
 * The tokens of stateless resets: HMAC-SHA-256 of a connection ID under a key that only this server has, cut to 16 bytes.
 * Who keeps the key over a restart can tell the clients of before that their connections are gone.
 */
import { createHmac, randomBytes } from 'node:crypto';

/** `key`: 16 bytes at least, kept secret; default random, so that it is good for this process only. */
export function resetTokens(
  key: Uint8Array = randomBytes(KEY_BYTES),
): (connectionId: Uint8Array) => Uint8Array {
  if (key.length < MIN_KEY_BYTES) {
    throw new RangeError(
      `a resetKey of ${key.length} bytes: it must have at least ${MIN_KEY_BYTES}, and be random`,
    );
  }
  // Not `slice`: of a Buffer that is a view, and its owner may clear it.
  const kept = Uint8Array.from(key);
  return (connectionId) => {
    const digest = createHmac('sha256', kept).update(connectionId).digest();
    return new Uint8Array(digest.buffer, digest.byteOffset, TOKEN_BYTES).slice();
  };
}

const KEY_BYTES = 32;
const MIN_KEY_BYTES = 16;
const TOKEN_BYTES = 16;

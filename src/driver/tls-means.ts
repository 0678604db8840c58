/** What an endpoint needs to speak the TLS version: everything but the keys is as in plaintext. */
import { type Random } from '../base/random.js';
import { type CreateHandshake } from '../transport/protection/handshake.js';
import { deriveHelloProtection } from './packet-keys.js';
import { plaintextMeans, type TransportMeans } from './plaintext-means.js';

/** `resetKey`: see `resetTokens`. */
export function tlsMeans(
  createHandshake: CreateHandshake,
  random: Random,
  resetKey?: Uint8Array,
): TransportMeans {
  return {
    ...plaintextMeans(random, resetKey),
    createHandshake,
    helloProtection: (_version, helloId, role) => deriveHelloProtection(helloId, role),
  };
}

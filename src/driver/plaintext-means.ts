/**
 * What an endpoint needs to speak the plaintext version: the checksum of node:zlib behind the core's protection and
 * handshake, randomness, and the tokens of stateless resets.
 */
import { crc32 } from 'node:zlib';
import { type Random } from '../base/random.js';
import { type PumpOptions } from '../transport/endpoint/endpoint-pump.js';
import { createPlaintextHandshake, plaintextHelloProtection } from '../transport/protection/plaintext.js';
import { resetTokens } from './reset-tokens.js';

export type TransportMeans = PumpOptions['means'];

/** `resetKey`: see `resetTokens`. */
export function plaintextMeans(random: Random, resetKey?: Uint8Array): TransportMeans {
  return {
    random,
    resetToken: resetTokens(resetKey),
    createHandshake: createPlaintextHandshake(crc32),
    helloProtection: plaintextHelloProtection(crc32),
  };
}

/**
 * What an endpoint needs to speak the plaintext version: the checksum of node:zlib behind the core's protection and
 * handshake, randomness, and what makes and keeps tokens. All connections of a channel, or of a server, share one.
 */
import { crc32 } from 'node:zlib';
import { type Random } from '../base/random.js';
import { type PumpOptions } from '../transport/endpoint/endpoint-pump.js';
import { TokenMemory } from '../transport/endpoint/token-memory.js';
import { createPlaintextHandshake, plaintextHelloProtection } from '../transport/protection/plaintext.js';
import { resetTokens } from './reset-tokens.js';
import { tokenProtection } from './token-protection.js';

export type TransportMeans = PumpOptions['means'];

/** `resetKey`: see `resetTokens`. */
export function plaintextMeans(random: Random, resetKey?: Uint8Array): TransportMeans {
  return {
    random,
    resetToken: resetTokens(resetKey),
    tokenProtection: tokenProtection(random, resetKey),
    tokenMemory: new TokenMemory(),
    wallTime: () => Date.now(),
    createHandshake: createPlaintextHandshake(crc32),
    helloProtection: plaintextHelloProtection(crc32),
  };
}

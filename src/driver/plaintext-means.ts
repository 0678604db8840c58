/**
 * What an endpoint needs to speak the plaintext version: the checksum of node:zlib behind the core's protection and
 * handshake, and randomness.
 */
import { crc32 } from 'node:zlib';
import { type Random } from '../base/random.js';
import { type PumpOptions } from '../transport/endpoint/endpoint-pump.js';
import { createPlaintextHandshake, plaintextHelloProtection } from '../transport/protection/plaintext.js';

export type TransportMeans = PumpOptions['means'];

export function plaintextMeans(random: Random): TransportMeans {
  return {
    random,
    createHandshake: createPlaintextHandshake(crc32),
    helloProtection: plaintextHelloProtection(crc32),
  };
}

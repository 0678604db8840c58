/**
 * What protects the packets of a seed: the checksum of plaintext, the same with generations as keys have them, or the
 * AEAD of the driver. Whoever listens can open all of it: keys follow from what both sides have said aloud.
 */
import { crc32 } from 'node:zlib';
import { deriveHelloProtection } from '../../../src/driver/packet-keys.js';
import { type EndpointMeans } from '../../../src/transport/endpoint/endpoint.js';
import { type CreateHandshake } from '../../../src/transport/protection/handshake.js';
import {
  createPlaintextProtection,
  plaintextHelloProtection,
} from '../../../src/transport/protection/plaintext.js';
import { type Opener } from '../../../src/transport/protection/protection.js';
import {
  aeadKeys,
  checksumKeys,
  createKeyedHandshake,
  type PacketKeys,
} from '../../support/keyed-handshake.js';

/** A cipher suite, by its name in RFC 8446, or a checksum. */
export type ProtectionName = 'plaintext' | 'checksum' | (typeof AEAD_SUITES)[number];

export const AEAD_SUITES = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
] as const;

export interface SimProtection {
  readonly helloProtection: EndpointMeans['helloProtection'];
  /** Puts the keys into a plaintext handshake. */
  readonly wrapHandshake: (inner: CreateHandshake) => CreateHandshake;
  /** Of PROTECTED packets. `subject`: all that both sides have said, as far as it counts for the sender [PRT-6]. */
  readonly opener: (subject: Uint8Array) => Opener;
}

export function simProtection(name: ProtectionName): SimProtection {
  if (name === 'plaintext') {
    return {
      helloProtection: plaintextHelloProtection(crc32),
      wrapHandshake: (inner) => inner,
      opener: (subject) => createPlaintextProtection(crc32, subject).opener,
    };
  }
  if (name === 'checksum') return keyed(checksumKeys(crc32), plaintextHelloProtection(crc32));
  return keyed(aeadKeys(name), (_version, originalId, role) => deriveHelloProtection(originalId, role));
}

function keyed(keys: PacketKeys, helloProtection: EndpointMeans['helloProtection']): SimProtection {
  return {
    helloProtection,
    wrapHandshake: (inner) => createKeyedHandshake(inner, keys),
    opener: (subject) => keys.opener(subject),
  };
}

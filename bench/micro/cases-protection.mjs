/** Sealing and opening a packet: the checksum of plaintext, the AEAD of TLS. */
import { crc32 } from 'node:zlib';
import { CIPHER_SUITES, createOpener, createSealer } from '../../src/driver/packet-keys.js';
import { createPlaintextProtection } from '../../src/transport/protection/plaintext.js';

const HEADER_BYTES = 11;

export function* protectionCases() {
  const secret = new Uint8Array(32).fill(7);
  const suite = CIPHER_SUITES.get('TLS_AES_128_GCM_SHA256');
  const kinds = [
    ['CRC-32', createPlaintextProtection(crc32)],
    ['AES-128-GCM', { sealer: createSealer(suite, secret), opener: createOpener(suite, secret) }],
  ];
  for (const [kind, { sealer, opener }] of kinds) {
    for (const size of [1_200, 60_000]) {
      const clear = new Uint8Array(size).fill(3);
      const packet = new Uint8Array(size);
      const payloadEnd = size - sealer.overhead;
      const name = `${kind}, packet of ${size.toLocaleString('en')} B`;
      yield {
        name: `${name}: seal`,
        run(count) {
          for (let i = 0; i < count; i++) sealer.seal(5, packet, 0, HEADER_BYTES, payloadEnd);
        },
      };
      packet.set(clear);
      sealer.seal(5, packet, 0, HEADER_BYTES, payloadEnd);
      const sealed = packet.slice();
      yield {
        name: `${name}: open`,
        run(count) {
          for (let i = 0; i < count; i++) {
            if (opener.open(5, sealed, 0, HEADER_BYTES, size) === undefined) throw new Error('not authentic');
          }
        },
      };
    }
  }
}

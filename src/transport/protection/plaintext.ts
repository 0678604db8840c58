/**
 * The protection and the handshake of the plaintext version (PROTOCOL §5): a CRC-32 behind every packet makes corruption
 * a lost packet and never a wrong byte, and the handshake only exchanges the two transport-parameter blobs.
 * There is no secret here: anyone on the path can read and forge. The checksum function is given by the driver.
 */
import { ByteReader } from '../wire/byte-reader.js';
import { ByteWriter } from '../wire/byte-writer.js';
import { varintLength } from '../wire/varint.js';
import {
  type CreateHandshake,
  type Handshake,
  type HandshakeContext,
  type HandshakeEvent,
} from './handshake.js';
import { type Opener, type Sealer } from './protection.js';

/** CRC-32 as in zlib, which goes on from `value`: `node:zlib`'s `crc32`. */
export type Checksum = (bytes: Uint8Array, value: number) => number;

export interface Protection {
  readonly sealer: Sealer;
  readonly opener: Opener;
}

export function createPlaintextProtection(checksum: Checksum): Protection {
  const prefix = new NumberPrefix(checksum);
  return {
    sealer: {
      overhead: CHECKSUM_BYTES,
      seal(packetNumber, buffer, headerStart, _payloadStart, payloadEnd) {
        const before = prefix.checksumOf(packetNumber, buffer[headerStart]);
        const sum = checksum(buffer.subarray(headerStart, payloadEnd), before);
        buffer[payloadEnd] = sum >>> 24;
        buffer[payloadEnd + 1] = sum >>> 16;
        buffer[payloadEnd + 2] = sum >>> 8;
        buffer[payloadEnd + 3] = sum;
        return payloadEnd + CHECKSUM_BYTES;
      },
    },
    opener: {
      overhead: CHECKSUM_BYTES,
      open(packetNumber, buffer, headerStart, payloadStart, packetEnd) {
        const payloadEnd = packetEnd - CHECKSUM_BYTES;
        if (payloadEnd < payloadStart) return undefined;
        const before = prefix.checksumOf(packetNumber, buffer[headerStart]);
        const sum = checksum(buffer.subarray(headerStart, payloadEnd), before) >>> 0;
        const sent =
          (((buffer[payloadEnd] ?? 0) << 24) |
            ((buffer[payloadEnd + 1] ?? 0) << 16) |
            ((buffer[payloadEnd + 2] ?? 0) << 8) |
            (buffer[payloadEnd + 3] ?? 0)) >>>
          0;
        return sum === sent ? buffer.subarray(payloadStart, payloadEnd) : undefined;
      },
    },
  };
}

/**
 * [PRT-5] What of the packet number is not in the header stands before the packet, for the checksum only. A packet that
 * comes very late is completed to another, newer number; so the checksum tells, as a nonce would, and it is neither
 * read again nor acknowledged as that one.
 */
class NumberPrefix {
  readonly #checksum: Checksum;
  readonly #bytes = new Uint8Array(4);
  /** It changes every 256 packets at most. */
  #unsent = 0;
  #value = 0;

  constructor(checksum: Checksum) {
    this.#checksum = checksum;
  }

  /** What the checksum of the packet goes on from. */
  checksumOf(packetNumber: number, firstByte: number | undefined): number {
    const sentBytes = ((firstByte ?? 0) & 0x03) + 1;
    const unsent = Math.floor(packetNumber / 2 ** (8 * sentBytes)) % 2 ** 32;
    if (unsent === this.#unsent) return this.#value;
    this.#unsent = unsent;
    for (let index = 0; index < 4; index++) this.#bytes[index] = unsent >>> (24 - 8 * index);
    this.#value = unsent === 0 ? 0 : this.#checksum(this.#bytes, 0);
    return this.#value;
  }
}

/** Makes handshakes of the plaintext version: each side sends one blob, length first. */
export function createPlaintextHandshake(protection: Protection): CreateHandshake {
  return (context) => new PlaintextHandshake(protection, context);
}

class PlaintextHandshake implements Handshake {
  readonly #protection: Protection;
  readonly #context: HandshakeContext;
  readonly #events: HandshakeEvent[] = [];
  #received = new Uint8Array(0);
  #isOver = false;

  constructor(protection: Protection, context: HandshakeContext) {
    this.#protection = protection;
    this.#context = context;
  }

  start(): void {
    this.#events.push({ kind: 'bytes', bytes: encodeBlob(this.#context.localParameters) });
    // What a client sends before it has heard the server: only calls that may be replayed.
    if (this.#context.role === 'client')
      this.#events.push({ kind: 'sealer', sealer: this.#protection.sealer });
  }

  onBytes(bytes: Uint8Array): void {
    if (this.#isOver) return;
    const all = new Uint8Array(this.#received.length + bytes.length);
    all.set(this.#received);
    all.set(bytes, this.#received.length);
    this.#received = all;
    this.#parse();
  }

  pollEvent(): HandshakeEvent | undefined {
    return this.#events.shift();
  }

  dispose(): void {
    this.#isOver = true;
    this.#events.length = 0;
  }

  #parse(): void {
    const all = this.#received;
    const first = all[0];
    if (first === undefined || all.length < 1 << (first >> 6)) return;
    const reader = new ByteReader(all);
    const length = (first & 0xc0) === 0xc0 ? MAX_BLOB_BYTES + 1 : reader.varint();
    if (length > MAX_BLOB_BYTES) {
      this.#fail('its transport parameters are too long');
      return;
    }
    if (reader.remaining < length) return;
    if (reader.remaining > length) {
      this.#fail('it sent more than its transport parameters');
      return;
    }
    this.#isOver = true;
    this.#events.push({ kind: 'peerParameters', bytes: reader.view(length) });
    if (this.#context.role === 'server')
      this.#events.push({ kind: 'sealer', sealer: this.#protection.sealer });
    this.#events.push({ kind: 'opener', opener: this.#protection.opener }, { kind: 'complete' });
  }

  #fail(reason: string): void {
    this.#isOver = true;
    this.#events.push({ kind: 'failed', reason });
  }
}

function encodeBlob(parameters: Uint8Array): Uint8Array {
  const blob = new Uint8Array(varintLength(parameters.length) + parameters.length);
  const writer = new ByteWriter(blob);
  writer.varint(parameters.length);
  writer.write(parameters);
  return blob;
}

const CHECKSUM_BYTES = 4;
/** Ample for every parameter there is; the rest is for those to come. */
const MAX_BLOB_BYTES = 4_096;

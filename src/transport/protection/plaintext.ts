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
import { type HelloProtection, type Protection } from './protection.js';

/** CRC-32 as in zlib, which goes on from `value`: `node:zlib`'s `crc32`. */
export type Checksum = (bytes: Uint8Array, value: number) => number;

/** `subject`: bytes that are not sent and stand before every packet, for the checksum only [PRT-6]. */
export function createPlaintextProtection(checksum: Checksum, subject: Uint8Array = NOTHING): Protection {
  const prefix = new Prefix(checksum, subject);
  return {
    sealer: {
      overhead: CHECKSUM_BYTES,
      seal(packetNumber, buffer, headerStart, _payloadStart, payloadEnd) {
        const before = prefix.checksumFor(packetNumber, buffer[headerStart]);
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
      isInPlace: true,
      open(packetNumber, buffer, headerStart, payloadStart, packetEnd) {
        const payloadEnd = packetEnd - CHECKSUM_BYTES;
        if (payloadEnd < payloadStart) return undefined;
        const before = prefix.checksumFor(packetNumber, buffer[headerStart]);
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
 * The protection of HELLO packets: they fit the connection that the ID names which the client's go to at first, and no other,
 * so that a server which has forgotten a connection does not take the rest of its hellos for a new one [PRT-6].
 */
export function plaintextHelloProtection(
  checksum: Checksum,
): (version: number, helloId: Uint8Array) => HelloProtection {
  return (_version, helloId) => {
    const protection = createPlaintextProtection(checksum, helloId);
    return { ...protection, retry: protection };
  };
}

/**
 * What stands before a packet for its checksum: the subject, and what of the packet number is not in the header
 * [PRT-5]. A packet that comes very late is completed to another, newer number; so the checksum tells, as a nonce
 * would, and it is neither read again nor acknowledged as that one.
 */
class Prefix {
  readonly #checksum: Checksum;
  readonly #subjectValue: number;
  /** It changes every 256 packets at most. */
  #unsent = 0;
  #value: number;

  constructor(checksum: Checksum, subject: Uint8Array) {
    this.#checksum = checksum;
    this.#subjectValue = checksum(subject, 0);
    this.#value = checksum(unsentBytes(0), this.#subjectValue);
  }

  /** What the checksum of the packet goes on from [PRT-1]. */
  checksumFor(packetNumber: number, firstByte: number | undefined): number {
    const sentBytes = ((firstByte ?? 0) & 0x03) + 1;
    const unsent = Math.floor(packetNumber / 2 ** (8 * sentBytes)) % 2 ** 32;
    if (unsent === this.#unsent) return this.#value;
    this.#unsent = unsent;
    this.#value = this.#checksum(unsentBytes(unsent), this.#subjectValue);
    return this.#value;
  }
}

/** Valid until the next call. */
function unsentBytes(unsent: number): Uint8Array {
  for (let index = 0; index < 4; index++) UNSENT_BYTES[index] = unsent >>> (24 - 8 * index);
  return UNSENT_BYTES;
}

const UNSENT_BYTES = new Uint8Array(4);

/** Makes handshakes of the plaintext version: each side sends one blob, length first. */
export function createPlaintextHandshake(checksum: Checksum): CreateHandshake {
  return (context) => new PlaintextHandshake(checksum, context);
}

class PlaintextHandshake implements Handshake {
  readonly #checksum: Checksum;
  readonly #context: HandshakeContext;
  #ownBlob: Uint8Array;
  readonly #events: HandshakeEvent[] = [];
  #received: Uint8Array = NOTHING;
  #isOver = false;

  constructor(checksum: Checksum, context: HandshakeContext) {
    this.#checksum = checksum;
    this.#context = context;
    this.#ownBlob = encodeBlob(context.localParameters);
  }

  start(): void {
    this.#events.push({ kind: 'bytes', bytes: this.#ownBlob });
    if (this.#context.role === 'server') return;
    // [PRT-4] What a client sends before it has heard the server: only calls that may be replayed.
    const { sealer } = createPlaintextProtection(this.#checksum, this.#ownBlob);
    this.#events.push({ kind: 'sealer', sealer });
  }

  onBytes(bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.#received = joined(this.#received, bytes);
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
    this.#pushKeys(all);
    this.#events.push({ kind: 'complete' });
    // The connection outlives its handshake by far.
    this.#ownBlob = NOTHING;
    this.#received = NOTHING;
  }

  /** [PRT-6] The client's packets fit its blob, the server's both: of another server's nothing is opened. */
  #pushKeys(peerBlob: Uint8Array): void {
    const own = this.#ownBlob;
    if (this.#context.role === 'client') {
      const { opener } = createPlaintextProtection(this.#checksum, joined(own, peerBlob));
      this.#events.push({ kind: 'opener', opener });
      return;
    }
    const { sealer } = createPlaintextProtection(this.#checksum, joined(peerBlob, own));
    const { opener } = createPlaintextProtection(this.#checksum, peerBlob);
    this.#events.push({ kind: 'sealer', sealer }, { kind: 'opener', opener });
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

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}

const NOTHING = new Uint8Array(0);
export const CHECKSUM_BYTES = 4;
/** [PRT-3] Ample for every parameter there is; the rest is for those to come. */
const MAX_BLOB_BYTES = 4_096;

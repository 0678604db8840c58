/**
 * The keys of both ends of an EndpointPair, taken while they agree on them: so that a test can read every packet of
 * either, and write packets in the name of either that the other takes for authentic.
 */
import { type EndpointMeans } from '../../src/transport/endpoint/endpoint.js';
import {
  type CreateHandshake,
  type Handshake,
  type HandshakeEvent,
} from '../../src/transport/protection/handshake.js';
import { type Opener, type Sealer } from '../../src/transport/protection/protection.js';
import { PacketSpace } from '../../src/transport/recovery/sent-packet.js';
import { ByteReader } from '../../src/transport/wire/byte-reader.js';
import { ByteWriter } from '../../src/transport/wire/byte-writer.js';
import { decodeFrame, type Frame } from '../../src/transport/wire/frame.js';
import {
  decodeHeader,
  patchHelloLength,
  readTruncatedPacketNumber,
  writeHelloHeader,
  writeShortHeader,
} from '../../src/transport/wire/header.js';
import { decodePacketNumber } from '../../src/transport/wire/packet-number.js';
import { ProtocolVersion } from '../../src/transport/wire/version.js';
import { type Flight, type Side, testMeans } from './endpoint-pair.js';

export interface ReadPacket {
  readonly space: PacketSpace;
  readonly packetNumber: number;
  readonly destinationId: Uint8Array;
  readonly keyGeneration: number;
  readonly frames: readonly Frame[];
}

/** What the hellos of a connection are addressed by. */
export interface HelloIds {
  /** The client's first, random destination: it gives the keys. */
  readonly originalDestinationId: Uint8Array;
  readonly destinationId: Uint8Array;
  readonly sourceId: Uint8Array;
}

export class PacketForge {
  /** For `new EndpointPair({ means })`. */
  readonly means: EndpointMeans;
  readonly #sealers: Partial<Record<Side, Sealer>> = {};
  /** What opens the packets that this side sent. */
  readonly #openers: Partial<Record<Side, Opener>> = {};

  constructor(means: EndpointMeans = testMeans()) {
    const createHandshake: CreateHandshake = (context) =>
      tapHandshake(means.createHandshake(context), (event) => {
        if (event.kind === 'sealer') this.#sealers[context.role] = event.sealer;
        if (event.kind === 'opener') this.#openers[peerOf(context.role)] = event.opener;
        return event;
      });
    this.means = { ...means, createHandshake };
  }

  /** A PROTECTED packet, which is a datagram of its own. */
  short(
    from: Side,
    destinationId: Uint8Array,
    packetNumber: number,
    payload: Iterable<number>,
    keyGeneration = 0,
  ): Uint8Array {
    const sealer = nthAfter(this.#sealers[from], keyGeneration);
    if (sealer === undefined) throw new Error(`no keys of the ${from} yet`);
    const writer = new ByteWriter(new Uint8Array(2_000));
    writeShortHeader(writer, destinationId, keyGeneration % 2 === 0 ? 0 : 1, packetNumber, 4);
    const payloadStart = writer.offset;
    writer.write(Uint8Array.from(payload));
    return writer.bytes.slice(0, sealer.seal(packetNumber, writer.bytes, 0, payloadStart, writer.offset));
  }

  /** A HELLO packet, as large as a datagram of them must be when `payload` is padded to 1,170 bytes. */
  hello(from: Side, ids: HelloIds, packetNumber: number, payload: Iterable<number>): Uint8Array {
    const { sealer } = this.means.helloProtection(VERSION, ids.originalDestinationId, from);
    const writer = new ByteWriter(new Uint8Array(2_000));
    const lengthPosition = writeHelloHeader(writer, {
      version: VERSION,
      destinationId: ids.destinationId,
      sourceId: ids.sourceId,
      token: new Uint8Array(0),
      packetNumber,
      packetNumberLength: 4,
    });
    const payloadStart = writer.offset;
    writer.write(Uint8Array.from(payload));
    patchHelloLength(writer.bytes, lengthPosition, writer.offset + sealer.overhead - payloadStart + 4);
    return writer.bytes.slice(0, sealer.seal(packetNumber, writer.bytes, 0, payloadStart, writer.offset));
  }

  /** The packets that one side sent of one connection, in order; all flights must be of that connection. */
  packetsOf(flights: readonly Flight[], from: Side, originalDestinationId: Uint8Array): ReadPacket[] {
    const helloOpener = this.means.helloProtection(VERSION, originalDestinationId, peerOf(from)).opener;
    const largest = { [PacketSpace.HELLO]: -1, [PacketSpace.PROTECTED]: -1 };
    const packets: ReadPacket[] = [];
    let keyGeneration = 0;
    for (const { bytes } of flights.filter((flight) => flight.from === from)) {
      for (let offset = 0; offset < bytes.length;) {
        const header = decodeHeader(bytes, offset, 8);
        if (typeof header === 'string' || (header.kind !== 'hello' && header.kind !== 'short')) break;
        offset = header.packetEnd;
        const space = header.kind === 'hello' ? PacketSpace.HELLO : PacketSpace.PROTECTED;
        const { packetNumberLength, headerStart, payloadStart, packetEnd, destinationId } = header;
        const truncated = readTruncatedPacketNumber(bytes, header);
        const packetNumber = decodePacketNumber(truncated, packetNumberLength, largest[space]);
        if (header.kind === 'short' && header.keyPhase !== keyGeneration % 2) keyGeneration++;
        const opener =
          space === PacketSpace.HELLO ? helloOpener : nthAfter(this.#openers[from], keyGeneration);
        const payload = opener?.open(packetNumber, bytes, headerStart, payloadStart, packetEnd);
        if (payload === undefined) throw new Error('a packet that does not open');
        largest[space] = Math.max(largest[space], packetNumber);
        const frames = framesOf(payload, space);
        packets.push({ space, packetNumber, destinationId, keyGeneration, frames });
      }
    }
    return packets;
  }
}

/** A handshake whose events a test sees on their way out, and can change or (undefined) swallow. */
export function tapHandshake(
  inner: Handshake,
  tap: (event: HandshakeEvent) => HandshakeEvent | undefined,
): Handshake {
  return {
    start: () => {
      inner.start();
    },
    onBytes: (bytes) => {
      inner.onBytes(bytes);
    },
    pollEvent: () => {
      for (let event = inner.pollEvent(); event !== undefined; event = inner.pollEvent()) {
        const tapped = tap(event);
        if (tapped !== undefined) return tapped;
      }
      return undefined;
    },
    dispose: () => {
      inner.dispose();
    },
  };
}

/** The keys of so many generations later. */
function nthAfter<T extends { next?(): T }>(keys: T | undefined, generations: number): T | undefined {
  return generations === 0 ? keys : nthAfter(keys?.next?.(), generations - 1);
}

function framesOf(payload: Uint8Array, space: PacketSpace): Frame[] {
  const reader = new ByteReader(payload);
  const frames: Frame[] = [];
  while (reader.remaining > 0) frames.push(decodeFrame(reader, space));
  return frames;
}

function peerOf(side: Side): Side {
  return side === 'client' ? 'server' : 'client';
}

const VERSION = ProtocolVersion.PLAINTEXT;

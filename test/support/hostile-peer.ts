/**
 * A peer that is authentic and hostile: it completes the real handshake with the real core, then the core is put aside
 * and nothing leaves any more but what a test seals, in packets that the victim takes for genuine. Sans-IO, so that a
 * unit test and the simulator can both put it on their wire: datagrams and `now` in, datagrams out.
 */
import { type Connection } from '../../src/transport/connection/connection.js';
import {
  DEFAULT_TRANSPORT_OPTIONS,
  type TransportOptions,
} from '../../src/transport/connection/transport-options.js';
import {
  DEFAULT_ENDPOINT_LIMITS,
  Endpoint,
  type EndpointMeans,
} from '../../src/transport/endpoint/endpoint.js';
import { type Address } from '../../src/transport/path/path.js';
import { type Opener, type Sealer } from '../../src/transport/protection/protection.js';
import { PacketSpace } from '../../src/transport/recovery/sent-packet.js';
import { ByteReader } from '../../src/transport/wire/byte-reader.js';
import { ByteWriter } from '../../src/transport/wire/byte-writer.js';
import { decodeFrame, type Frame } from '../../src/transport/wire/frame.js';
import {
  decodeHeader,
  readTruncatedPacketNumber,
  type ShortHeader,
  writeShortHeader,
} from '../../src/transport/wire/header.js';
import { decodePacketNumber } from '../../src/transport/wire/packet-number.js';
import { ProtocolVersion } from '../../src/transport/wire/version.js';
import { tapHandshake } from './packet-forge.js';

export interface HostilePeerOptions {
  readonly role: 'client' | 'server';
  readonly means: EndpointMeans;
  readonly transport?: Partial<TransportOptions>;
}

/** A packet of the victim, read after the attack began. */
export interface VictimPacket {
  readonly packetNumber: number;
  readonly frames: readonly Frame[];
}

export class HostilePeer {
  /** What the victim has said since `takeOver`, oldest first; a long attack empties it now and then. */
  readonly received: VictimPacket[] = [];
  /** Of PROTECTED packets to come; any number above may be set. */
  nextPacketNumber = FIRST_PACKET_NUMBER;
  readonly #endpoint: Endpoint;
  #connection: Connection | undefined;
  #sealer: Sealer | undefined;
  #opener: Opener | undefined;
  #victimId: Uint8Array | undefined;
  /** It follows the updates of its victim. */
  #keyPhase: 0 | 1 = 0;
  #largestReceived = -1;
  #hasTakenOver = false;

  constructor({ role, means, transport }: HostilePeerOptions) {
    this.#endpoint = new Endpoint(
      {
        role,
        versions: [ProtocolVersion.PLAINTEXT],
        options: { ...DEFAULT_TRANSPORT_OPTIONS, ...transport },
        limits: DEFAULT_ENDPOINT_LIMITS,
      },
      {
        ...means,
        createHandshake: (context) =>
          tapHandshake(means.createHandshake(context), (event) => {
            if (event.kind === 'sealer') this.#sealer = event.sealer;
            if (event.kind === 'opener') this.#opener = event.opener;
            return event;
          }),
      },
    );
  }

  /** The handshake is confirmed: time to take over. */
  get isReady(): boolean {
    return this.#connection?.isReady === true;
  }

  /** For a client. */
  connect(victim: Address, now: number): void {
    this.#connection = this.#endpoint.connect(victim, 0, now);
  }

  handleDatagram(bytes: Uint8Array, from: Address, now: number): void {
    this.#learnVictimId(bytes);
    this.#read(bytes);
    if (this.#hasTakenOver) return;
    this.#endpoint.handleDatagram(bytes, from, 0, now);
    this.#drainEvents();
  }

  handleTimeout(now: number): void {
    if (this.#hasTakenOver) return;
    this.#endpoint.handleTimeout(now);
    this.#drainEvents();
  }

  /** What an honest peer would send; nothing after `takeOver`. */
  pollTransmit(now: number): Uint8Array | undefined {
    const transmit = this.#hasTakenOver ? undefined : this.#endpoint.pollTransmit(now);
    if (transmit === undefined) return undefined;
    const bytes = transmit.bytes.slice(0, transmit.length);
    this.#endpoint.release(transmit);
    return bytes;
  }

  pollTimeout(): number {
    return this.#hasTakenOver ? Infinity : this.#endpoint.pollTimeout();
  }

  /** From now on nothing leaves but what `datagram` makes, and what the victim sends is only read. */
  takeOver(): void {
    this.#hasTakenOver = true;
  }

  /** A PROTECTED packet of these frames, in memory of its own, as a socket would give it to the victim. */
  datagram(...frames: readonly Uint8Array[]): Uint8Array {
    if (this.#sealer === undefined || this.#victimId === undefined) throw new Error('no keys yet');
    const payloadBytes = frames.reduce((sum, frame) => sum + frame.length, 0);
    const writer = new ByteWriter(new Uint8Array(payloadBytes + 64));
    const packetNumber = this.nextPacketNumber++;
    writeShortHeader(writer, this.#victimId, this.#keyPhase, packetNumber, 4);
    const payloadStart = writer.offset;
    for (const frame of frames) writer.write(frame);
    return writer.bytes.slice(
      0,
      this.#sealer.seal(packetNumber, writer.bytes, 0, payloadStart, writer.offset),
    );
  }

  /** The frames of that type which the victim has sent. */
  receivedFrames<T extends Frame['type']>(type: T): Extract<Frame, { type: T }>[] {
    return this.received.flatMap(({ frames }) =>
      frames.filter((frame): frame is Extract<Frame, { type: T }> => frame.type === type),
    );
  }

  /** The victim names itself in its hello; a client knows it before the first PROTECTED packet, so does a server. */
  #learnVictimId(bytes: Uint8Array): void {
    if (this.#victimId !== undefined) return;
    const header = decodeHeader(bytes, 0, CONNECTION_ID_BYTES);
    if (typeof header !== 'string' && header.kind === 'hello') this.#victimId = header.sourceId.slice();
  }

  #drainEvents(): void {
    for (let event = this.#endpoint.pollEvent(); event !== undefined; event = this.#endpoint.pollEvent()) {
      if (event.kind === 'accepted') this.#connection = event.connection;
    }
  }

  /** What comes behind HELLO packets too: while the victim does not know that we can read it, its CLOSE does. */
  #read(bytes: Uint8Array): void {
    for (let offset = 0; offset < bytes.length;) {
      const header = decodeHeader(bytes, offset, CONNECTION_ID_BYTES);
      if (typeof header === 'string') return;
      if (header.kind === 'short') this.#readPacket(bytes, header);
      offset = header.packetEnd;
    }
  }

  #readPacket(bytes: Uint8Array, header: ShortHeader): void {
    const packetNumber = decodePacketNumber(
      readTruncatedPacketNumber(bytes, header),
      header.packetNumberLength,
      this.#largestReceived,
    );
    const { headerStart, payloadStart, packetEnd } = header;
    const isUpdate = header.keyPhase !== this.#keyPhase;
    const opener = isUpdate ? this.#opener?.next?.() : this.#opener;
    const payload = opener?.open(packetNumber, bytes, headerStart, payloadStart, packetEnd);
    if (payload === undefined) return;
    if (isUpdate) {
      this.#keyPhase = header.keyPhase;
      this.#opener = opener;
      this.#sealer = this.#sealer?.next?.();
    }
    this.#largestReceived = Math.max(this.#largestReceived, packetNumber);
    if (!this.#hasTakenOver) return;
    const reader = new ByteReader(payload);
    const frames: Frame[] = [];
    while (reader.remaining > 0) frames.push(decodeFrame(reader, PacketSpace.PROTECTED));
    this.received.push({ packetNumber, frames });
  }
}

/** Far above what the handshake has used. */
const FIRST_PACKET_NUMBER = 1_000;
const CONNECTION_ID_BYTES = 8;

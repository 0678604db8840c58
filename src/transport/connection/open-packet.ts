/**
 * One packet from its header to its seal. Two of them stand side by side while a datagram is filled, because only the
 * last packet of a datagram may be padded and which one is last is known at the end.
 */
import { type Path } from '../path/path.js';
import { PacketSpace, type SentFrame, type SentPacket } from '../recovery/sent-packet.js';
import { type ByteWriter } from '../wire/byte-writer.js';
import { patchHelloLength, writeHelloHeader, writeShortHeader } from '../wire/header.js';
import { packetNumberLength } from '../wire/packet-number.js';
import { writePadding } from '../wire/frame-writer.js';
import { type ConnectionObserver } from './connection-observer.js';
import { type PacketBuilder } from './packet-builder.js';
import { type PacketSpaceState } from './packet-space-state.js';
import { type Players } from './players.js';

export class OpenPacket implements PacketBuilder {
  readonly space: PacketSpace;
  writer: ByteWriter;
  frames: SentFrame[] = [];
  isAckEliciting = false;
  /** To be set by who makes a path MTU probe of it. */
  isMtuProbe = false;
  #observer: ConnectionObserver | undefined;
  #isPadded = false;
  #packetNumber = 0;
  #headerStart = 0;
  #lengthPosition = 0;
  #packetNumberOffset = 0;
  #payloadStart = 0;
  #payloadEnd = 0;

  constructor(space: PacketSpace, writer: ByteWriter) {
    this.space = space;
    this.writer = writer;
  }

  /** Writes the header and leaves `writer` limited to what the payload may take of the `datagramEnd`. */
  begin(
    players: Players,
    state: PacketSpaceState,
    writer: ByteWriter,
    datagramEnd: number,
    path: Path = players.path,
  ): void {
    const { recovery, version, localId, helloToken, keyPhases } = players;
    const remoteId = path.destination.id;
    this.#observer = players.observer;
    this.writer = writer;
    this.frames = [];
    this.isAckEliciting = false;
    this.isMtuProbe = false;
    this.#isPadded = false;
    this.#packetNumber = state.nextPacketNumber;
    this.#headerStart = writer.offset;
    writer.end = datagramEnd;
    const numberLength = packetNumberLength(this.#packetNumber, recovery.largestAcked(this.space));
    if (this.space === PacketSpace.HELLO) {
      this.#lengthPosition = writeHelloHeader(writer, {
        version,
        destinationId: remoteId,
        sourceId: localId,
        token: helloToken,
        packetNumber: this.#packetNumber,
        packetNumberLength: numberLength,
      });
    } else {
      writeShortHeader(writer, remoteId, keyPhases.phase, this.#packetNumber, numberLength);
    }
    this.#packetNumberOffset = writer.offset - numberLength;
    this.#payloadStart = writer.offset;
    writer.end = datagramEnd - overheadOf(state);
  }

  get hasPayload(): boolean {
    return this.writer.offset > this.#payloadStart;
  }

  /** As if it had never begun. */
  abandon(): void {
    this.writer.offset = this.#headerStart;
  }

  /** The payload is complete: steps over the room that the protection needs. */
  finishPayload(state: PacketSpaceState): void {
    this.#payloadEnd = this.writer.offset;
    this.writer.end += overheadOf(state);
    this.writer.offset += overheadOf(state);
  }

  /** Pads the payload, which must be the last of its datagram, so that the datagram has `datagramBytes`. */
  padTo(datagramBytes: number, state: PacketSpaceState): void {
    const missing = datagramBytes - this.writer.offset;
    if (missing <= 0) return;
    this.writer.offset = this.#payloadEnd;
    writePadding(this.writer, missing);
    this.#isPadded = true;
    this.finishPayloadAgain(state);
  }

  /** Seals it and returns what recovery remembers of it. */
  seal(state: PacketSpaceState, now: number): SentPacket {
    const { sealer } = state;
    if (sealer === undefined) throw new Error('udprpc: a packet without keys');
    const { bytes } = this.writer;
    const end = this.#payloadEnd + sealer.overhead;
    if (this.space === PacketSpace.HELLO) {
      patchHelloLength(bytes, this.#lengthPosition, end - this.#packetNumberOffset);
    }
    if (this.#observer !== undefined) {
      const payload = bytes.subarray(this.#payloadStart, this.#payloadEnd);
      this.#observer.onPacketSent(this.space, this.#packetNumber, payload, end - this.#headerStart, now);
    }
    sealer.seal(this.#packetNumber, bytes, this.#headerStart, this.#payloadStart, this.#payloadEnd);
    state.nextPacketNumber = this.#packetNumber + 1;
    return {
      space: this.space,
      packetNumber: this.#packetNumber,
      sentAt: now,
      bytes: end - this.#headerStart,
      isAckEliciting: this.isAckEliciting,
      isInFlight: this.isAckEliciting || this.#isPadded,
      frames: this.frames,
      isMtuProbe: this.isMtuProbe,
      rate: undefined,
    };
  }

  private finishPayloadAgain(state: PacketSpaceState): void {
    this.#payloadEnd = this.writer.offset;
    this.writer.offset += overheadOf(state);
  }
}

function overheadOf(state: PacketSpaceState): number {
  return state.sealer?.overhead ?? 0;
}

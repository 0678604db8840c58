/**
 * The reliable byte stream that the handshake runs on: one in each direction, its offsets continuous over both packet
 * spaces [HSK-2]. What is written before confirmation travels in HELLO packets until that space is discarded (a peer
 * that missed it cannot open anything else), what is written later in PROTECTED ones.
 * Small and bounded; what the peer has, and what was read, is let go of as soon as nothing is left open.
 */
import { RangeSet } from '../../base/range-set.js';
import { type PacketBuilder } from '../connection/packet-builder.js';
import { PacketSpace } from '../recovery/sent-packet.js';
import { TransportError, TransportErrorCode } from '../transport-error.js';
import { handshakeFrameOverhead, writeHandshakeHeader } from '../wire/frame-writer.js';

const EMPTY = new Uint8Array(0);

export class HandshakeStream {
  readonly #limitBytes: number;
  /** What was written from `#sentStart` on. */
  #sent = EMPTY;
  #sentStart = 0;
  /** What arrived from `#receivedStart` on, with gaps. */
  #received = EMPTY;
  #receivedStart = 0;
  readonly #toSend = new RangeSet();
  readonly #delivered = new RangeSet();
  readonly #arrived = new RangeSet();
  #readOffset = 0;
  /** Bytes before it belong into HELLO packets. */
  #helloEnd = Number.POSITIVE_INFINITY;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  write(bytes: Uint8Array): void {
    const start = this.#sentEnd;
    this.#sent = joined(this.#sent, bytes, this.#sent.length + bytes.length);
    this.#toSend.add(start, start + bytes.length);
  }

  hasFramesToSend(space: PacketSpace): boolean {
    return this.#nextRange(space) !== -1;
  }

  writeFrames(builder: PacketBuilder): void {
    for (;;) {
      const index = this.#nextRange(builder.space);
      if (index === -1) return;
      const start = Math.max(this.#toSend.start(index), this.#spaceStart(builder.space));
      const wanted = Math.min(this.#toSend.end(index), this.#spaceEnd(builder.space)) - start;
      const room = builder.writer.remaining - handshakeFrameOverhead(start, wanted);
      const length = Math.min(wanted, room);
      if (length <= 0) return;
      writeHandshakeHeader(builder.writer, start, length);
      const at = start - this.#sentStart;
      builder.writer.write(this.#sent.subarray(at, at + length));
      builder.frames.push({ kind: 'handshake', offset: start, length });
      builder.isAckEliciting = true;
      this.#toSend.remove(start, start + length);
    }
  }

  onDelivered(offset: number, length: number): void {
    this.#delivered.add(offset, offset + length);
    this.#toSend.remove(offset, offset + length);
    if (!this.#delivered.containsRange(0, this.#sentEnd)) return;
    this.#sentStart = this.#sentEnd;
    this.#sent = EMPTY;
  }

  onLost(offset: number, length: number): void {
    this.#toSend.add(offset, offset + length);
    this.#toSend.subtract(this.#delivered);
  }

  /** Our side of the handshake is complete: what is written from now on goes into PROTECTED packets. */
  onComplete(): void {
    if (this.#helloEnd === Number.POSITIVE_INFINITY) this.#helloEnd = this.#sentEnd;
  }

  /** That the peer is confirmed proves that it has all that went into HELLO packets. */
  onHelloDiscarded(): void {
    this.onComplete();
    if (this.#helloEnd > 0) this.onDelivered(0, this.#helloEnd);
  }

  onFrame(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length;
    if (end > this.#limitBytes) {
      throw new TransportError(
        TransportErrorCode.HANDSHAKE_BUFFER_EXCEEDED,
        `a handshake of more than ${this.#limitBytes} bytes`,
      );
    }
    if (end <= this.#readOffset) return;
    const wanted = end - this.#receivedStart;
    if (this.#received.length < wanted) this.#received = joined(this.#received, EMPTY, this.#roomFor(wanted));
    // First bytes at an offset win: a later copy that differs changes nothing [HSK-3].
    for (let at = Math.max(offset, this.#readOffset); at < end; at++) {
      if (!this.#arrived.contains(at)) this.#received[at - this.#receivedStart] = bytes[at - offset] ?? 0;
    }
    this.#arrived.add(offset, end);
  }

  /** The next bytes in order, each once, or undefined. */
  read(): Uint8Array | undefined {
    if (this.#arrived.size === 0 || this.#arrived.start(0) > this.#readOffset) return undefined;
    const end = this.#arrived.end(0);
    if (end <= this.#readOffset) return undefined;
    const bytes = this.#received.slice(this.#readOffset - this.#receivedStart, end - this.#receivedStart);
    this.#readOffset = end;
    if (this.#arrived.size === 1) {
      this.#receivedStart = end;
      this.#received = EMPTY;
    }
    return bytes;
  }

  get #sentEnd(): number {
    return this.#sentStart + this.#sent.length;
  }

  /** Twice what there is, so that single bytes do not each cost a copy of all before them. */
  #roomFor(wanted: number): number {
    return Math.max(wanted, Math.min(this.#received.length * 2, this.#limitBytes));
  }

  #spaceStart(space: PacketSpace): number {
    return space === PacketSpace.HELLO ? 0 : this.#helloEnd;
  }

  #spaceEnd(space: PacketSpace): number {
    return space === PacketSpace.HELLO ? this.#helloEnd : Number.POSITIVE_INFINITY;
  }

  /** Index of the first range of `#toSend` that has bytes for this space, or -1. */
  #nextRange(space: PacketSpace): number {
    for (let i = 0; i < this.#toSend.size; i++) {
      if (this.#toSend.end(i) > this.#spaceStart(space) && this.#toSend.start(i) < this.#spaceEnd(space))
        return i;
    }
    return -1;
  }
}

function joined(head: Uint8Array, tail: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(length);
  all.set(head);
  all.set(tail, head.length);
  return all;
}

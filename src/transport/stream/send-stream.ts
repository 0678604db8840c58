/**
 * The sending half of one stream (RFC 9000 §3.1): which of the written bytes were never sent, are lost, or are
 * acknowledged. New bytes cost credit; what is sent again, and a FIN alone, do not: they are called uncharged.
 * A range may be reported lost and delivered in any order and more than once, because a probe sends again what is
 * still in flight.
 */
import { assert } from '../../base/assert.js';
import { RangeSet } from '../../base/range-set.js';
import { type PacketBuilder } from '../connection/packet-builder.js';
import { type ByteWriter } from '../wire/byte-writer.js';
import { streamFrameOverhead, writeStreamHeader } from '../wire/frame-writer.js';
import { type ChunkPool } from './chunk-pool.js';
import { type SendCredit } from './flow-control.js';
import { SendBuffer } from './send-buffer.js';

/** Up to here a stream counts as a small call: some datagrams, sent before the first round trip is over. */
const SMALL_CALL_BYTES = 8_192;

/** `finished`: the application gave its last byte. `done`: the peer has everything, or knows of the reset. */
type Phase = 'open' | 'finished' | 'reset' | 'done';

export class SendStream {
  readonly id: number;
  /** Its `used` is where the bytes begin that were never sent. */
  readonly credit: SendCredit;
  /** The last write took less than it was given. */
  isWriterWaiting = false;

  private readonly buffer: SendBuffer;
  private phase: Phase = 'open';
  private isFinPending = false;
  private isFinDelivered = false;
  private stopCode: number | undefined;
  private resetCodeValue = 0;
  /** Made when the first packet is lost or overtaken: most streams never need them. */
  private lost: RangeSet | undefined;
  private delivered: RangeSet | undefined;

  constructor(id: number, pool: ChunkPool, credit: SendCredit) {
    this.id = id;
    this.buffer = new SendBuffer(pool);
    this.credit = credit;
  }

  get isTerminal(): boolean {
    return this.phase === 'done';
  }

  /** Bytes written and not yet acknowledged. */
  get heldBytes(): number {
    return this.buffer.heldBytes;
  }

  /** The application may still write: it has neither finished nor reset, and the peer wants it. */
  get takesBytes(): boolean {
    return this.phase === 'open' && this.stopCode === undefined;
  }

  /** The application gave its last byte, and the peer does not have everything yet. */
  get isFinished(): boolean {
    return this.phase === 'finished';
  }

  /** The application is done with it, by its last byte or by a reset. */
  get isSettled(): boolean {
    return this.phase !== 'open';
  }

  /** It has sent more than a small call does. */
  get isBulk(): boolean {
    return this.credit.used >= SMALL_CALL_BYTES;
  }

  /** Lost bytes, or a FIN with nothing before it that was never sent. */
  get hasUncharged(): boolean {
    return (this.lost !== undefined && this.lost.size > 0) || (this.isFinPending && !this.hasUnsent);
  }

  /** Bytes that were never sent and that the stream's own limit lets out. */
  get hasNew(): boolean {
    return this.hasUnsent && this.credit.available > 0;
  }

  /** The stream's own limit, and nothing else of the stream, holds back bytes. */
  get isBlocked(): boolean {
    return this.hasUnsent && this.credit.available === 0;
  }

  get mayReset(): boolean {
    return this.phase === 'open' || this.phase === 'finished';
  }

  get isResetDue(): boolean {
    return this.phase === 'reset';
  }

  get resetCode(): number {
    return this.resetCodeValue;
  }

  /** How much was ever sent: the final size of a reset stream. */
  get sentEnd(): number {
    return this.credit.used;
  }

  write(pieces: readonly Uint8Array[], length: number): void {
    this.buffer.append(pieces, length);
  }

  finish(): void {
    this.phase = 'finished';
    this.isFinPending = true;
  }

  /** Returns how many bytes were let go. */
  reset(code: number): number {
    assert(this.mayReset, 'a half is reset once');
    this.phase = 'reset';
    this.resetCodeValue = code;
    return this.drop();
  }

  /** The peer does not want the rest: what is held is dropped. Returns how many bytes were let go. */
  onStopSending(code: number): number {
    this.stopCode = code;
    return this.drop();
  }

  /** The code the peer stopped us with, if it did. */
  get stoppedWith(): number | undefined {
    return this.stopCode;
  }

  /** The connection is gone. Returns how many bytes were let go. */
  close(): number {
    this.phase = 'done';
    return this.drop();
  }

  /** Sends again what is first of the lost bytes, else the FIN, at no credit [FLC-5]. False when there was no room. */
  writeUncharged(builder: PacketBuilder, isLast: boolean): boolean {
    const { lost } = this;
    if (lost === undefined || lost.size === 0)
      return this.writeFrame(builder, this.buffer.end, 0, isLast) >= 0;
    const start = lost.start(0);
    const length = this.writeFrame(builder, start, lost.end(0) - start, isLast);
    if (length < 0) return false;
    lost.remove(start, start + length);
    return true;
  }

  /** Sends new bytes, at most `allowed`. Returns their number, 0 when there was no room. */
  writeNew(builder: PacketBuilder, allowed: number, isLast: boolean): number {
    const start = this.credit.used;
    const available = Math.min(this.buffer.end - start, this.credit.available, allowed);
    const length = this.writeFrame(builder, start, available, isLast);
    if (length < 0) return 0;
    this.credit.use(length);
    return length;
  }

  /** Returns how many bytes were let go. */
  onDelivered(offset: number, length: number, fin: boolean): number {
    if (!this.mayReset) return 0;
    if (fin) {
      this.isFinDelivered = true;
      this.isFinPending = false;
    }
    const released = this.stopCode === undefined ? this.markDelivered(offset, offset + length) : 0;
    if (this.isFinDelivered && this.buffer.heldBytes === 0) this.phase = 'done';
    return released;
  }

  onResetDelivered(): void {
    this.phase = 'done';
  }

  onLost(offset: number, length: number, fin: boolean): void {
    if (!this.mayReset || this.stopCode !== undefined) return;
    if (fin && !this.isFinDelivered) this.isFinPending = true;
    const start = Math.max(offset, this.buffer.base);
    const end = offset + length;
    if (start >= end) return;
    const lost = (this.lost ??= new RangeSet());
    lost.add(start, end);
    const { delivered } = this;
    for (let i = 0; delivered !== undefined && i < delivered.size; i++) {
      if (delivered.start(i) >= end) break;
      lost.remove(delivered.start(i), delivered.end(i));
    }
  }

  private get hasUnsent(): boolean {
    // Nothing is held once everything was dropped, however far the writer got.
    return this.buffer.heldBytes > 0 && this.buffer.end > this.credit.used;
  }

  private markDelivered(start: number, end: number): number {
    this.lost?.remove(start, end);
    if (start > this.buffer.base) {
      this.delivered ??= new RangeSet();
      this.delivered.add(start, end);
      return 0;
    }
    let base = Math.max(this.buffer.base, end);
    const { delivered } = this;
    if (delivered !== undefined && delivered.size > 0) {
      // Ranges of a set never touch, so at most one continues where this one ends, after those it covers.
      delivered.removeBelow(base);
      if (delivered.first === base) {
        base = delivered.end(0);
        delivered.removeBelow(base);
      }
    }
    return this.buffer.releaseTo(base);
  }

  private drop(): number {
    this.lost = undefined;
    this.delivered = undefined;
    this.isFinPending = false;
    this.isWriterWaiting = false;
    return this.buffer.clear();
  }

  /**
   * All that is left of a stream waits for the next packet when it fits there whole and this one is nearly full: mostly
   * it is a message, which its receiver then need not put together from two datagrams, and which only one loss delays.
   */
  private isBetterWhole(writer: ByteWriter, offset: number, available: number, room: number): boolean {
    if (offset + available !== this.buffer.end) return false;
    return room * WASTED_PART < writer.end && available + WHOLE_OVERHEAD_BYTES <= writer.end;
  }

  /** Writes as many of `available` bytes as fit and returns their number, or -1 when not even a frame fits. */
  private writeFrame(builder: PacketBuilder, offset: number, available: number, isLast: boolean): number {
    const { writer } = builder;
    // What is left for the length field, if there is one, and the data.
    const room = writer.remaining - (streamFrameOverhead(this.id, offset, 0) - 1);
    if (available > room && this.isBetterWhole(writer, offset, available, room)) return -1;
    const fillsPacket = isLast && room >= 0 && available >= room && (room > 0 || available === 0);
    const length = fillsPacket ? room : Math.min(available, dataRoom(room));
    if (length < 0 || (length === 0 && available > 0)) return -1;
    const fin = this.isFinPending && offset + length === this.buffer.end;
    writeStreamHeader(writer, this.id, offset, length, fin, !fillsPacket);
    this.buffer.copyTo(writer.bytes, writer.offset, offset, length);
    writer.offset += length;
    builder.frames.push({ kind: 'stream', streamId: this.id, offset, length, fin });
    builder.isAckEliciting = true;
    if (fin) this.isFinPending = false;
    return length;
  }
}

/** An eighth of a packet may stay empty, so that what follows is not split. */
const WASTED_PART = 8;
/** What the next packet needs besides: its header, an ACK of some ranges, the head of the frame. */
const WHOLE_OVERHEAD_BYTES = 64;

/** How many bytes of data fit into `room` together with the field of their length; negative when not even that. */
function dataRoom(room: number): number {
  if (room <= 64) return room - 1;
  if (room <= 16_385) return room - 2;
  return Math.max(16_383, room - 4);
}

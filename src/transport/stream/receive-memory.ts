/**
 * What the streams of one connection hold of what was received and not yet read, as memory and not as bytes of
 * streams: a kept view keeps the whole datagram behind it. Tells the budget of all connections, says when a piece is
 * better copied, and bounds the pieces that wait for what comes before them [STR-9]: each costs some hundred bytes,
 * however small it is.
 */
import { TransportError, TransportErrorCode } from '../transport-error.js';
import { type BufferBudget } from './buffer-budget.js';

/** Of datagrams kept for a part of them, beyond that part. What a reader that keeps up lets go of never counts. */
const MAX_WASTED_BYTES = 1 << 20;

/** A view of nearly all of its datagram is never copied: there is nothing to gain. */
const MAX_WASTED_PART = 1 / 8;

/** A piece of this size costs no more than its bytes do: it is not counted against the bound of pieces. */
const BYTES_PER_PIECE = 1_024;

export class ReceiveMemory {
  private readonly budget: BufferBudget;
  private readonly maxPieces: number;
  private heldValue = 0;
  private contentBytes = 0;
  private earlyPieces = 0;
  private earlyBytes = 0;

  constructor(budget: BufferBudget, maxPieces: number) {
    this.budget = budget;
    this.maxPieces = maxPieces;
  }

  /** Memory held: datagrams behind views, and copies. */
  get heldBytes(): number {
    return this.heldValue;
  }

  /** `memoryBytes` are kept for `contentBytes` of a stream. */
  hold(memoryBytes: number, contentBytes: number): void {
    this.heldValue += memoryBytes;
    this.contentBytes += contentBytes;
    this.budget.hold(memoryBytes);
  }

  release(memoryBytes: number, contentBytes: number): void {
    this.heldValue -= memoryBytes;
    this.contentBytes -= contentBytes;
    this.budget.release(memoryBytes);
  }

  /** Whether `data` may be kept as the view that it is. */
  mayKeep(data: Uint8Array): boolean {
    const wasted = data.buffer.byteLength - data.length;
    if (wasted <= data.length * MAX_WASTED_PART) return true;
    return this.heldValue - this.contentBytes + wasted <= MAX_WASTED_BYTES;
  }

  /** [STR-9] So many more (or fewer) pieces of a stream wait for what comes before them. */
  onEarly(pieces: number, bytes: number): void {
    this.earlyPieces += pieces;
    this.earlyBytes += bytes;
    if (pieces > 0) checkPieces(this.earlyPieces, this.earlyBytes, this.maxPieces, 'the streams');
  }
}

/** [STR-9] Throws when pieces that wait are more than honest loss makes of so many bytes. */
export function checkPieces(pieces: number, bytes: number, maxPieces: number, whose: string): void {
  if (pieces <= maxPieces + bytes / BYTES_PER_PIECE) return;
  throw new TransportError(
    TransportErrorCode.RESOURCE_LIMIT,
    `more than ${maxPieces} pieces of ${whose} wait for earlier bytes`,
  );
}

/**
 * The receiving half of one stream (RFC 9000 §3.2): checks what comes against the window and the final size, keeps it
 * until the application reads it, and knows when there is nothing more to come. What it takes off the connection's
 * window, and gives back, it returns to StreamSet in bytes.
 */
import { TransportError, TransportErrorCode } from '../transport-error.js';
import { ReceiveWindow } from './flow-control.js';
import { ReceiveBuffer } from './receive-buffer.js';
import { type ReceiveMemory } from './receive-memory.js';

/**
 * `stopped`: we read no more, but the peer has not yet said where its half ends. `ended`: the application has seen
 * the end. `reset`: the peer gave up.
 */
type Phase = 'receiving' | 'stopped' | 'ended' | 'reset';

export class ReceiveStream {
  readonly window: ReceiveWindow;
  private readonly buffer: ReceiveBuffer;
  private readonly maxPieces: number;
  private finalSize: number | undefined;
  private phase: Phase = 'receiving';
  private stopCodeValue = 0;

  constructor(windowBytes: number, maxPieces: number, memory: ReceiveMemory) {
    this.window = new ReceiveWindow(windowBytes);
    this.buffer = new ReceiveBuffer(memory);
    this.maxPieces = maxPieces;
  }

  /** Neither the peer nor we have broken off, and the application has not seen the end. */
  get isReceiving(): boolean {
    return this.phase === 'receiving';
  }

  get isReset(): boolean {
    return this.phase === 'reset';
  }

  /** Nothing more can come of this half. */
  get isTerminal(): boolean {
    if (this.phase === 'stopped') return this.finalSize !== undefined;
    return this.phase !== 'receiving';
  }

  /** `read` has bytes or the end. */
  get isReadable(): boolean {
    return this.phase === 'receiving' && (this.buffer.hasReady || this.finalSize === this.buffer.readOffset);
  }

  /** Bytes that count against the connection's window and were not given back. */
  get heldBytes(): number {
    return this.window.held;
  }

  /** The peer has more to send, as far as we know, and we read it. */
  get wantsMore(): boolean {
    return this.phase === 'receiving' && this.finalSize === undefined;
  }

  get isUpdateDue(): boolean {
    return this.wantsMore && this.window.isHalfConsumed;
  }

  /** The peer still does not know that we stopped. */
  get isStopDue(): boolean {
    return this.phase === 'stopped' && this.finalSize === undefined;
  }

  get stopCode(): number {
    return this.stopCodeValue;
  }

  /** Whether a lost update of this limit has to be sent again: no newer one is under way, and the peer needs it. */
  needsLimit(limit: number): boolean {
    return this.wantsMore && limit === this.window.advertised;
  }

  /** Returns how many bytes of the connection's window were used. */
  onData(offset: number, data: Uint8Array, fin: boolean): number {
    const end = offset + data.length;
    this.checkFinalSize(end, fin);
    const used = this.receiveTo(end);
    if (fin) this.finalSize = end;
    if (this.phase !== 'receiving') {
      this.window.consume(this.window.held);
      return used;
    }
    this.buffer.insert(offset, data, this.maxPieces);
    return used;
  }

  /** [STR-5] Returns how many bytes of the connection's window were used. What has arrived whole is not reset. */
  onReset(finalSize: number): number {
    this.checkFinalSize(finalSize, true);
    const used = this.receiveTo(finalSize);
    if (this.isComplete || this.phase === 'ended' || this.phase === 'reset') return used;
    this.finalSize = finalSize;
    this.phase = 'reset';
    this.drop();
    return used;
  }

  /** `'end'` once. What is read is given back to the window. */
  read(): Uint8Array | 'end' | undefined {
    if (this.phase !== 'receiving') return undefined;
    const data = this.buffer.read();
    if (data !== undefined) {
      this.window.consume(data.length);
      return data;
    }
    if (this.finalSize !== this.buffer.readOffset) return undefined;
    this.phase = 'ended';
    return 'end';
  }

  /** What is held is dropped, and so is what comes. */
  stop(code: number): void {
    if (this.phase !== 'receiving') return;
    this.phase = 'stopped';
    this.stopCodeValue = code;
    this.drop();
  }

  /** The connection is gone. */
  close(): void {
    if (this.phase === 'receiving') this.phase = 'reset';
    this.drop();
  }

  private get isComplete(): boolean {
    return this.phase === 'receiving' && this.finalSize === this.buffer.readyEnd;
  }

  /** [STR-4] */
  private checkFinalSize(end: number, isFinal: boolean): void {
    const known = this.finalSize;
    const isBroken =
      known === undefined ? isFinal && end < this.window.received : end > known || (isFinal && end < known);
    if (isBroken)
      throw new TransportError(TransportErrorCode.FINAL_SIZE_ERROR, 'the final size of a stream changed');
  }

  private receiveTo(end: number): number {
    const count = Math.max(0, end - this.window.received);
    if (!this.window.receive(count)) {
      throw new TransportError(TransportErrorCode.FLOW_CONTROL_ERROR, 'stream data above its limit');
    }
    return count;
  }

  private drop(): void {
    this.buffer.clear();
    this.window.consume(this.window.held);
  }
}

/**
 * Credit, seen from both ends (RFC 9000 §4): `SendCredit` is what the peer allows us, `ReceiveWindow` what we allow
 * the peer. Both count whatever is limited: bytes of a stream, bytes of a connection, streams. Limits only grow, and
 * nothing here is ever passed; which error a peer's overrun is, is said by who asked.
 */
import { assert } from '../../base/assert.js';

export class SendCredit {
  private limitValue: number;
  private usedValue = 0;
  /** A guess made before the peer has said anything, which its parameters replace. */
  private isProvisional: boolean;
  private reportedLimit = -1;

  constructor(limit: number, isProvisional = false) {
    this.limitValue = limit;
    this.isProvisional = isProvisional;
  }

  get limit(): number {
    return this.limitValue;
  }

  get used(): number {
    return this.usedValue;
  }

  get available(): number {
    return this.limitValue - this.usedValue;
  }

  use(count: number): void {
    this.usedValue += count;
    assert(this.usedValue <= this.limitValue, 'credit is never passed');
  }

  /** [FLC-2] A lower limit than the one known is old news. Returns whether there is more than before. */
  raise(limit: number): boolean {
    if (limit <= this.limitValue) return false;
    this.limitValue = limit;
    this.isProvisional = false;
    return true;
  }

  /** Takes the limit of the peer's parameters. False when more was used already: the peer breaks its word. */
  settle(limit: number): boolean {
    if (!this.isProvisional) {
      this.raise(limit);
      return true;
    }
    this.isProvisional = false;
    if (limit < this.usedValue) return false;
    this.limitValue = limit;
    return true;
  }

  /** [FLC-4] Whether the peer should be told that we wait at this limit: true once for each limit. */
  takeBlockedReport(): boolean {
    if (this.available > 0 || this.reportedLimit === this.limitValue) return false;
    this.reportedLimit = this.limitValue;
    return true;
  }

  /** Whether a lost report of this limit still tells the truth. */
  isBlockedAt(limit: number): boolean {
    return limit === this.limitValue && this.available === 0;
  }
}

export class ReceiveWindow {
  private readonly window: number;
  private advertisedValue: number;
  private receivedValue = 0;
  private consumedValue = 0;

  constructor(window: number) {
    assert(window >= 1, 'a window lets something in');
    this.window = window;
    this.advertisedValue = window;
  }

  /** The limit the peer was last told. */
  get advertised(): number {
    return this.advertisedValue;
  }

  get received(): number {
    return this.receivedValue;
  }

  /** How far the limit could go now. */
  get next(): number {
    return this.consumedValue + this.window;
  }

  /** Received and not yet consumed. */
  get held(): number {
    return this.receivedValue - this.consumedValue;
  }

  /** False when the peer passes its limit [FLC-1]. */
  receive(count: number): boolean {
    this.receivedValue += count;
    return this.receivedValue <= this.advertisedValue;
  }

  consume(count: number): void {
    this.consumedValue += count;
    assert(this.consumedValue <= this.receivedValue, 'what is consumed was received');
  }

  /** [FLC-3] Half of the window was consumed since the last limit: time for the next. For bytes. */
  get isHalfConsumed(): boolean {
    return (this.next - this.advertisedValue) * 2 >= this.window;
  }

  /**
   * The peer has at most half of its credit left, and there is more to give. For streams: long calls may hold all
   * but one of them, and then that one must come back at once.
   */
  get isRunningLow(): boolean {
    return this.next > this.advertisedValue && (this.advertisedValue - this.receivedValue) * 2 <= this.window;
  }

  /** Raises the limit as far as it goes and returns it, to be told to the peer. */
  advertise(): number {
    this.advertisedValue = this.next;
    return this.advertisedValue;
  }
}

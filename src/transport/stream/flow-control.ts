/**
 * Credit, seen from both ends (RFC 9000 §4): `SendCredit` is what the peer allows us, `ReceiveWindow` what we allow
 * the peer. Both count whatever is limited: bytes of a stream, bytes of a connection, streams. Limits only grow, and
 * nothing here is ever passed; which error a peer's overrun is, is said by who asked.
 */
import { assert } from '../../base/assert.js';

/** Of a connection's credit: some tens of small calls, and the head of a few large ones. */
const RESERVED_BYTES = 32 << 10;
const RESERVED_PART = 1 / 8;

export class SendCredit {
  private limitValue: number;
  private firstLimit: number;
  private usedValue = 0;
  /** A guess made before the peer has said anything, which its parameters replace. */
  private isProvisional: boolean;
  private reportedLimit = -1;

  constructor(limit: number, isProvisional = false) {
    this.limitValue = limit;
    this.firstLimit = limit;
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

  /**
   * [FLC-6] What bulk leaves to small calls. Little beside the window, which is at least the first limit: the peer
   * raises its limit long before a sender gets here, unless its own application does not read.
   */
  get reserve(): number {
    return Math.min(RESERVED_BYTES, Math.floor(this.firstLimit * RESERVED_PART));
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
      this.firstLimit = Math.max(this.firstLimit, limit);
      return true;
    }
    this.isProvisional = false;
    if (limit < this.usedValue) return false;
    this.limitValue = limit;
    this.firstLimit = limit;
    return true;
  }

  /** [FLC-4] Whether the peer should be told that we wait at this limit: true once for each limit. */
  takeBlockedReport(reserve = 0): boolean {
    if (this.available > reserve || this.reportedLimit === this.limitValue) return false;
    this.reportedLimit = this.limitValue;
    return true;
  }

  /** Whether a lost report of this limit still tells the truth. */
  isBlockedAt(limit: number, reserve = 0): boolean {
    return limit === this.limitValue && this.available <= reserve;
  }
}

/** When all the memory of the process is taken every window counts as no larger: so much each may always go on with. */
const SHORT_WINDOW_BYTES = 64 << 10;

/** A window that is turned over in less has held its sender back, or soon will. */
const TURNOVER_ROUND_TRIPS = 4;

/** A reader that leaves more of the window unread waits for nothing: more would only be held for it. */
const UNREAD_PART = 1 / 4;

/** A limit is raised by no less while the peer has credit: else each small call would cost a frame. */
const SMALL_STEP_BYTES = 4_096;

export class ReceiveWindow {
  private windowValue: number;
  private advertisedValue: number;
  private receivedValue = 0;
  private consumedValue = 0;
  private mustRepeat = false;
  /** Where and when the running measurement of the reader's speed began. */
  private measuredFrom = 0;
  private measuredSince = Number.NEGATIVE_INFINITY;

  constructor(window: number) {
    assert(window >= 1, 'a window lets something in');
    this.windowValue = window;
    this.advertisedValue = window;
  }

  /** How much may be received and not yet consumed. */
  get window(): number {
    return this.windowValue;
  }

  /** The limit the peer was last told. */
  get advertised(): number {
    return this.advertisedValue;
  }

  get received(): number {
    return this.receivedValue;
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
    return this.gain * 2 >= this.windowValue;
  }

  /**
   * The same for bytes of many streams: also when others hold nearly all of the window unread, and what is left for
   * small calls would be doubled.
   */
  get isUpdateDue(): boolean {
    const left = this.advertisedValue - this.receivedValue;
    return this.gain >= Math.min(this.windowValue / 2, Math.max(left, SMALL_STEP_BYTES));
  }

  /**
   * The peer has at most half of its credit left and there is more to give, or there is an eighth to give. For streams:
   * long calls may hold all but one of them, and then that one must come back at once; and of many answers that leave
   * in one turn the first datagrams carry the credit of a few, where the next flight of calls needs that of all.
   */
  get isRunningLow(): boolean {
    const left = this.advertisedValue - this.receivedValue;
    return this.gain > 0 && (left * 2 <= this.windowValue || this.gain * 8 >= this.windowValue);
  }

  /** The frame with the newest limit was lost: the peer must hear of it again. */
  repeat(): void {
    this.mustRepeat = true;
  }

  /** There is a limit to be told even while memory is short. */
  get isWorthTellingShort(): boolean {
    return this.mustRepeat || this.shortGain * 2 >= Math.min(this.windowValue, SHORT_WINDOW_BYTES);
  }

  /** How far the limit could go now. */
  nextLimit(isShort = false): number {
    return this.advertisedValue + Math.max(0, isShort ? this.shortGain : this.gain);
  }

  /** Raises the limit as far as it goes and returns it, to be told to the peer. */
  advertise(isShort = false): number {
    this.advertisedValue = this.nextLimit(isShort);
    this.mustRepeat = false;
    return this.advertisedValue;
  }

  /**
   * To be asked when a limit is about to be told: whether the peer has turned the window over so fast that it is what
   * limits it, and the reader has kept up. Measures from one answer to the next.
   */
  takeIsTooSmall(rttMs: number | undefined, now: number): boolean {
    const consumed = this.consumedValue - this.measuredFrom;
    if (consumed * 2 < this.windowValue) return false;
    const turnoverMs = ((now - this.measuredSince) * this.windowValue) / consumed;
    this.measuredFrom = this.consumedValue;
    this.measuredSince = now;
    if (rttMs === undefined || this.held > this.windowValue * UNREAD_PART) return false;
    return turnoverMs < TURNOVER_ROUND_TRIPS * rttMs;
  }

  /** Windows never shrink: what the peer was told stays true. */
  growTo(window: number): void {
    this.windowValue = Math.max(this.windowValue, window);
  }

  private get gain(): number {
    return this.consumedValue + this.windowValue - this.advertisedValue;
  }

  private get shortGain(): number {
    return this.consumedValue + Math.min(this.windowValue, SHORT_WINDOW_BYTES) - this.advertisedValue;
  }
}

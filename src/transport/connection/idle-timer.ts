/**
 * When silence ends a connection [IDL-1] (RFC 9000 §10.1), and when a client breaks it [IDL-2]. A PING is sent only
 * while calls are open: a connection nobody uses is let go.
 */
import { MIN_DATAGRAM_BYTES } from '../path/datagram-limits.js';

export class IdleTimer {
  #idleTimeoutMs: number;
  #startedAt: number;
  #receivedAt: number;
  #sentSinceReceived = false;
  #pingedFor = -1;
  #wasFull = false;

  constructor(idleTimeoutMs: number, now: number) {
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#startedAt = now;
    this.#receivedAt = now;
  }

  get idleTimeoutMs(): number {
    return this.#idleTimeoutMs;
  }

  /** When something authentic came last, or the connection began. */
  get receivedAt(): number {
    return this.#receivedAt;
  }

  /** When something was sent that asks for an answer and has had none, nor anything else came; Infinity: never. */
  get askedAt(): number {
    return this.#sentSinceReceived ? this.#startedAt : Number.POSITIVE_INFINITY;
  }

  /** The smaller of both sides' counts; 0 means none. */
  onPeerIdleTimeout(idleTimeoutMs: number): void {
    if (idleTimeoutMs > 0 && (this.#idleTimeoutMs === 0 || idleTimeoutMs < this.#idleTimeoutMs)) {
      this.#idleTimeoutMs = idleTimeoutMs;
    }
  }

  onReceived(now: number): void {
    this.#startedAt = now;
    this.#receivedAt = now;
    this.#sentSinceReceived = false;
  }

  /** Only the first ack-eliciting packet after something was received puts the end off: silence must end some time. */
  onAckElicitingSent(now: number): void {
    if (this.#sentSinceReceived) return;
    this.#sentSinceReceived = true;
    this.#startedAt = now;
  }

  deadline(ptoMs: number): number {
    if (this.#idleTimeoutMs === 0) return Number.POSITIVE_INFINITY;
    return this.#startedAt + Math.max(this.#idleTimeoutMs, IDLE_TIMEOUT_PTOS * ptoMs);
  }

  /** When to send a PING, given that calls are open. */
  pingAt(): number {
    if (this.#idleTimeoutMs === 0 || this.#pingedFor === this.#receivedAt) return Number.POSITIVE_INFINITY;
    // With less than half the time left a lost PING could not be repeated.
    const silenceMs = Math.max(this.#idleTimeoutMs / 3, MIN_PING_INTERVAL_MS);
    return this.#receivedAt + Math.min(silenceMs, this.#idleTimeoutMs / 2);
  }

  /** A peer that sends full datagrams has more to send. */
  onDatagram(bytes: number): void {
    this.#wasFull = bytes >= MIN_DATAGRAM_BYTES;
  }

  /**
   * [IDL-5] When to ask after the last datagram was full and none followed: who only receives has no PTO of its own, and may be
   * at another address than it knows.
   */
  cutOffAt(ptoMs: number): number {
    if (!this.#wasFull || this.#pingedFor === this.#receivedAt) return Number.POSITIVE_INFINITY;
    return this.#receivedAt + Math.max(CUT_OFF_PTOS * ptoMs, MIN_CUT_OFF_MS);
  }

  onPing(): void {
    this.#pingedFor = this.#receivedAt;
  }

  /** For a person, when the time is over; `lateMs` ago something should have been done, had this process been running. */
  describeEnd(lateMs: number): string {
    const silence = `nothing received for ${Math.round(this.#idleTimeoutMs)} ms, the idle timeout`;
    if (lateMs < NOTICEABLE_PAUSE_MS) return silence;
    return `${silence}: this process, or its machine, was suspended or busy for at least ${Math.round(lateMs)} ms`;
  }
}

/** RFC 9000 §10.1: never give up before a few probes had a chance. */
const IDLE_TIMEOUT_PTOS = 3;
const CUT_OFF_PTOS = 3;
const MIN_CUT_OFF_MS = 250;
const MIN_PING_INTERVAL_MS = 10_000;
/** No event loop in good health is this late. */
const NOTICEABLE_PAUSE_MS = 1_000;

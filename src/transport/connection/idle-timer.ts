/**
 * When silence ends a connection [IDL-1] (RFC 9000 §10.1), and when a client breaks it [IDL-2]. A PING is sent only
 * while calls are open: a connection nobody uses is let go.
 */
export class IdleTimer {
  #idleTimeoutMs: number;
  #startedAt: number;
  #receivedAt: number;
  #sentSinceReceived = false;
  #pingedFor = -1;

  constructor(idleTimeoutMs: number, now: number) {
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#startedAt = now;
    this.#receivedAt = now;
  }

  get idleTimeoutMs(): number {
    return this.#idleTimeoutMs;
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
    return this.#receivedAt + Math.max(this.#idleTimeoutMs / 3, MIN_PING_INTERVAL_MS);
  }

  onPing(): void {
    this.#pingedFor = this.#receivedAt;
  }
}

/** RFC 9000 §10.1: never give up before a few probes had a chance. */
const IDLE_TIMEOUT_PTOS = 3;
const MIN_PING_INTERVAL_MS = 10_000;

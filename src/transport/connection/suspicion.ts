/**
 * Whether an established connection still has somebody at its other end [IDL-4]: when nothing authentic has come for as
 * long as several PTOs in a row take, after something was sent that asks for an answer, it is suspect, and it is trusted
 * again as soon as anything comes. It ends nothing: that is left to the idle timeout, because a path may come back after
 * half a minute and then everything under way arrives. It counts time and not PTOs that expired: a client that goes on
 * sending puts its PTO off each time.
 */
import { PTO_CAP_MS, PTO_CAP_RTTS } from '../recovery/probe-timer.js';

export class Suspicion {
  readonly #afterPtos: number;
  readonly #afterMs: number;
  #isSuspect = false;
  #notBefore = -Infinity;
  /** What `#silenceMs` was computed of. */
  #ptoMs = -1;
  #silenceMs = Infinity;

  constructor(afterPtos: number, afterMs: number) {
    this.#afterPtos = afterPtos;
    this.#afterMs = afterMs;
  }

  get isSuspect(): boolean {
    return this.#isSuspect;
  }

  /**
   * When it becomes suspect if nothing comes. `askedAt`: the first ack-eliciting packet since something came, Infinity for
   * none; `ptoMs`: without backoff.
   */
  dueAt(askedAt: number, ptoMs: number, smoothedRtt: number): number {
    if (this.#isSuspect || askedAt === Infinity) return Infinity;
    if (ptoMs !== this.#ptoMs) {
      this.#ptoMs = ptoMs;
      this.#silenceMs = Math.max(this.#afterMs, this.#timeOfPtos(ptoMs, PTO_CAP_RTTS * smoothedRtt));
    }
    return Math.max(askedAt + this.#silenceMs, this.#notBefore);
  }

  /** `dueAt` has come. True when it is suspect from now on. */
  onDue(dueAt: number, now: number): boolean {
    if (now - dueAt > NOTICEABLE_LATENESS_MS) {
      // This process slept, not the peer: what it sent may lie in our socket's buffer.
      this.#notBefore = now + NOTICEABLE_LATENESS_MS;
      return false;
    }
    this.#isSuspect = true;
    return true;
  }

  /** Something authentic came. True when that ends the suspicion. */
  onReceived(): boolean {
    if (!this.#isSuspect) return false;
    this.#isSuspect = false;
    return true;
  }

  /** [REC-6] */
  #timeOfPtos(ptoMs: number, capByRtt: number): number {
    const capMs = Math.max(ptoMs, PTO_CAP_MS, capByRtt);
    let sumMs = 0;
    let nextMs = ptoMs;
    for (let count = 0; count < this.#afterPtos; count++) {
      sumMs += Math.min(nextMs, capMs);
      nextMs *= 2;
    }
    return sumMs;
  }
}

/** No event loop in good health is this late. */
const NOTICEABLE_LATENESS_MS = 1_000;

/**
 * A handshake that behaves as badly as a real one may: it wraps another, says what that one says only after a delay,
 * fails instead of completing, gets other bytes than were sent, or answers so late that the connection has given up. TLS does the first for each flight,
 * since its answers come from other turns of the event loop.
 */
import { type Clock, type Timer } from '../base/clock.js';
import {
  type CreateHandshake,
  type Handshake,
  type HandshakeContext,
  type HandshakeEvent,
} from '../transport/protection/handshake.js';

export interface HandshakePlan {
  /** Milliseconds between what the peer said and our answer; drawn for each answer. 0 answers at once. */
  readonly delayMs: () => number;
  /** Fails with this reason where it would have completed. */
  readonly failure?: string | undefined;
  /** What a meddler on the path makes of the bytes of the other side. */
  readonly alter?: ((bytes: Uint8Array) => Uint8Array) | undefined;
}

/** `plan` is asked once for each handshake. */
export function createSimHandshake(
  inner: CreateHandshake,
  clock: Clock,
  plan: (context: HandshakeContext) => HandshakePlan,
): CreateHandshake {
  return (context) => new SimHandshake(inner(context), clock, plan(context), context.wake);
}

class SimHandshake implements Handshake {
  readonly #inner: Handshake;
  readonly #clock: Clock;
  readonly #plan: HandshakePlan;
  readonly #wake: () => void;
  /** What may be said now. */
  readonly #ready: HandshakeEvent[] = [];
  /** What is said later, in order. */
  readonly #waiting: HandshakeEvent[] = [];
  #timer: Timer | undefined;
  #hasFailed = false;

  constructor(inner: Handshake, clock: Clock, plan: HandshakePlan, wake: () => void) {
    this.#inner = inner;
    this.#clock = clock;
    this.#plan = plan;
    this.#wake = wake;
  }

  start(): void {
    this.#inner.start();
    this.#collect();
  }

  onBytes(bytes: Uint8Array): void {
    if (this.#hasFailed) return;
    this.#inner.onBytes(this.#plan.alter?.(bytes) ?? bytes);
    this.#collect();
  }

  pollEvent(): HandshakeEvent | undefined {
    return this.#ready.shift();
  }

  dispose(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#ready.length = 0;
    this.#waiting.length = 0;
    this.#inner.dispose();
  }

  #collect(): void {
    for (;;) {
      const event = this.#inner.pollEvent();
      if (event === undefined) break;
      if (this.#hasFailed) continue;
      this.#hasFailed = event.kind === 'complete' && this.#plan.failure !== undefined;
      this.#waiting.push(this.#hasFailed ? { kind: 'failed', reason: this.#plan.failure ?? '' } : event);
    }
    if (this.#timer !== undefined || this.#waiting.length === 0) return;
    const delayMs = this.#plan.delayMs();
    if (delayMs <= 0) {
      this.#say();
      return;
    }
    this.#timer = this.#clock.setTimer(() => {
      this.#timer = undefined;
      this.#say();
      this.#wake();
    }, delayMs);
  }

  #say(): void {
    this.#ready.push(...this.#waiting);
    this.#waiting.length = 0;
  }
}

/**
 * For how long no message has gone either way on a streaming call. Such calls have no deadline unless one is given, and
 * every call ends: one on which nothing moves ends by this. It sets no timer; whoever has one asks when it is due.
 */
export class SilenceWatch {
  readonly timeoutMs: number;
  #lastMessageAt: number;

  /** `timeoutMs` may be Infinity. */
  constructor(timeoutMs: number, now: number) {
    this.timeoutMs = timeoutMs;
    this.#lastMessageAt = now;
  }

  /** A message was taken or read, or those who wait are not waiting for the other side. */
  onMessage(now: number): void {
    this.#lastMessageAt = now;
  }

  /** When it may be too long, as far as is known now. */
  get dueAt(): number {
    return this.#lastMessageAt + this.timeoutMs;
  }
}

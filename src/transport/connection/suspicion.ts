/**
 * Whether an established connection still has somebody at its other end [IDL-4]: after many PTOs in a row and long
 * silence it is suspect, and it is trusted again as soon as anything authentic comes. It ends nothing: that is left to the
 * idle timeout, because a path may come back after half a minute and then everything under way arrives.
 */
export class Suspicion {
  readonly #afterPtos: number;
  readonly #afterMs: number;
  #isSuspect = false;

  constructor(afterPtos: number, afterMs: number) {
    this.#afterPtos = afterPtos;
    this.#afterMs = afterMs;
  }

  get isSuspect(): boolean {
    return this.#isSuspect;
  }

  /** One more PTO expired. True when that makes the connection suspect; `receivedAt`: the last authentic packet came. */
  onPto(ptosInRow: number, receivedAt: number, now: number): boolean {
    if (this.#isSuspect || ptosInRow < this.#afterPtos || now - receivedAt < this.#afterMs) return false;
    this.#isSuspect = true;
    return true;
  }

  /** Something authentic came. True when that ends the suspicion. */
  onReceived(): boolean {
    if (!this.#isSuspect) return false;
    this.#isSuspect = false;
    return true;
  }
}

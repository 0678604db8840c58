/**
 * Asking the other end of a path whether it is there (RFC 9000 §8.2): a challenge that only who receives it can answer,
 * repeated with new bytes until one of the last few is answered or the time is over [MIG-7].
 */
export class PathValidation {
  readonly failsAt: number;
  #nextAt: number;
  #intervalMs: number;
  readonly #challenges: Uint8Array[] = [];
  #isHeldBack = false;

  /** `ptoMs`: what an answer takes at most, as far as one knows. */
  constructor(ptoMs: number, now: number) {
    this.failsAt = now + VALIDATION_PTOS * ptoMs;
    this.#nextAt = now;
    this.#intervalMs = ptoMs;
  }

  isDue(now: number): boolean {
    return now >= this.#nextAt;
  }

  nextTimeout(): number {
    return this.#isHeldBack ? this.failsAt : Math.min(this.#nextAt, this.failsAt);
  }

  onChallengeSent(challenge: Uint8Array, now: number): void {
    this.#isHeldBack = false;
    this.#challenges.push(challenge);
    if (this.#challenges.length > MAX_OPEN_CHALLENGES) this.#challenges.shift();
    this.#nextAt = now + this.#intervalMs;
    this.#intervalMs *= 2;
  }

  /** It is due and may not leave: no timer helps, only what arrives. */
  holdBack(): void {
    this.#isHeldBack = true;
  }

  isAnsweredBy(response: Uint8Array): boolean {
    return this.#challenges.some((challenge) => challenge.every((byte, index) => byte === response[index]));
  }
}

/** RFC 9000 §8.2.4. */
const VALIDATION_PTOS = 3;
/** Answers to older ones come too late to be waited for. */
const MAX_OPEN_CHALLENGES = 4;

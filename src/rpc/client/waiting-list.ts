/**
 * Attempts that have no stream yet, in the order in which they came. A doubly linked list through the attempts
 * themselves: one that is cancelled leaves at once, wherever it stands. Those that must not ride in a first flight let
 * the others pass until the connection is ready.
 */
import { type Attempt } from './attempt.js';

export class WaitingList {
  #first: Attempt | undefined;
  #last: Attempt | undefined;
  #size = 0;
  #needReadyCount = 0;

  get size(): number {
    return this.#size;
  }

  /** How many could take a stream now. */
  eligibleCount(isReady: boolean): number {
    return isReady ? this.#size : this.#size - this.#needReadyCount;
  }

  firstEligible(isReady: boolean): Attempt | undefined {
    let attempt = this.#first;
    while (attempt !== undefined && !isReady && attempt.needsReady) attempt = attempt.nextWaiting;
    return attempt;
  }

  add(attempt: Attempt): void {
    attempt.isWaiting = true;
    attempt.previousWaiting = this.#last;
    attempt.nextWaiting = undefined;
    if (this.#last === undefined) this.#first = attempt;
    else this.#last.nextWaiting = attempt;
    this.#last = attempt;
    this.#size += 1;
    if (attempt.needsReady) this.#needReadyCount += 1;
  }

  /** Idempotent. */
  remove(attempt: Attempt): void {
    if (!attempt.isWaiting) return;
    attempt.isWaiting = false;
    const { previousWaiting, nextWaiting } = attempt;
    if (previousWaiting === undefined) this.#first = nextWaiting;
    else previousWaiting.nextWaiting = nextWaiting;
    if (nextWaiting === undefined) this.#last = previousWaiting;
    else nextWaiting.previousWaiting = previousWaiting;
    attempt.previousWaiting = undefined;
    attempt.nextWaiting = undefined;
    this.#size -= 1;
    if (attempt.needsReady) this.#needReadyCount -= 1;
  }

  /** A copy, for going through it while the list changes. */
  snapshot(): Attempt[] {
    const attempts: Attempt[] = [];
    for (let attempt = this.#first; attempt !== undefined; attempt = attempt.nextWaiting)
      attempts.push(attempt);
    return attempts;
  }
}

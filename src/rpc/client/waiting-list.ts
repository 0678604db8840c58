/**
 * Attempts that have no stream yet, in the order in which they came. A doubly linked list through the attempts
 * themselves: one that is cancelled leaves at once, wherever it stands. Those that must not ride in a first flight let
 * the others pass until the handshake is complete.
 */
import { type StreamTransport } from '../stream-transport.js';
import { type Attempt } from './attempt.js';

type SendingState = Pick<StreamTransport, 'canSend' | 'isHandshakeComplete'>;

export class WaitingList {
  #first: Attempt | undefined;
  #last: Attempt | undefined;
  #size = 0;
  #needHandshakeCount = 0;

  get size(): number {
    return this.#size;
  }

  /** The first that could take a stream of this connection now. */
  firstEligible({ canSend, isHandshakeComplete }: SendingState): Attempt | undefined {
    let attempt = this.#first;
    if (attempt === undefined || !canSend) return undefined;
    if (!isHandshakeComplete && this.#size === this.#needHandshakeCount) return undefined;
    while (attempt?.needsHandshake === true && !isHandshakeComplete) attempt = attempt.nextWaiting;
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
    if (attempt.needsHandshake) this.#needHandshakeCount += 1;
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
    if (attempt.needsHandshake) this.#needHandshakeCount -= 1;
  }

  /** A copy, for going through it while the list changes. */
  snapshot(): Attempt[] {
    const attempts: Attempt[] = [];
    for (let attempt = this.#first; attempt !== undefined; attempt = attempt.nextWaiting)
      attempts.push(attempt);
    return attempts;
  }
}

/**
 * Attempts that have no stream yet, in the order in which they came. A doubly linked list through the attempts
 * themselves: one that is cancelled leaves at once, wherever it stands. Those that must not ride in a first flight let
 * the others pass until the handshake is complete.
 */
import { Status } from 'nice-grpc-common';
import { type StreamTransport } from '../stream-transport.js';
import { type Attempt } from './attempt.js';

type SendingState = Pick<StreamTransport, 'canSend' | 'isHandshakeComplete'>;

/** How many attempts may wait in all lists of a channel together. */
export class WaitingQuota {
  readonly max: number;
  /** Those that wait now; the lists count it. */
  count = 0;

  constructor(max: number) {
    this.max = max;
  }
}

export class WaitingList {
  readonly #quota: WaitingQuota;
  readonly #onAbandoned: () => void;
  #first: Attempt | undefined;
  #last: Attempt | undefined;
  #size = 0;
  #needHandshakeCount = 0;

  /** `onAbandoned`: the last that waited is not wanted any more. */
  constructor(quota: WaitingQuota, onAbandoned: () => void) {
    this.#quota = quota;
    this.#onAbandoned = onAbandoned;
  }

  get size(): number {
    return this.#size;
  }

  /** The one that has waited longest. */
  get first(): Attempt | undefined {
    return this.#first;
  }

  /** The first that could take a stream of this connection now. */
  firstEligible({ canSend, isHandshakeComplete }: SendingState): Attempt | undefined {
    let attempt = this.#first;
    if (attempt === undefined || !canSend) return undefined;
    if (!isHandshakeComplete && this.#size === this.#needHandshakeCount) return undefined;
    while (attempt?.needsHandshake === true && !isHandshakeComplete) attempt = attempt.nextWaiting;
    return attempt;
  }

  /** False when too many wait already: the attempt has been told. */
  add(attempt: Attempt): boolean {
    const { count, max } = this.#quota;
    if (count >= max) {
      const details = `${count} calls are waiting already: the channel's maxWaitingCalls`;
      attempt.onNoStream({ code: Status.RESOURCE_EXHAUSTED, details });
      return false;
    }
    this.#quota.count += 1;
    attempt.waitingIn = this;
    attempt.previousWaiting = this.#last;
    attempt.nextWaiting = undefined;
    if (this.#last === undefined) this.#first = attempt;
    else this.#last.nextWaiting = attempt;
    this.#last = attempt;
    this.#size += 1;
    if (attempt.needsHandshake) this.#needHandshakeCount += 1;
    return true;
  }

  /** Before all others: it was taken out just now and could not be placed. */
  putBack(attempt: Attempt): void {
    const first = this.#first;
    this.#quota.count += 1;
    attempt.waitingIn = this;
    attempt.nextWaiting = first;
    if (first === undefined) this.#last = attempt;
    else first.previousWaiting = attempt;
    this.#first = attempt;
    this.#size += 1;
    if (attempt.needsHandshake) this.#needHandshakeCount += 1;
  }

  /** Nobody wants it any more. */
  abandon(attempt: Attempt): void {
    this.remove(attempt);
    if (this.#size === 0) this.#onAbandoned();
  }

  /** Idempotent. */
  remove(attempt: Attempt): void {
    if (attempt.waitingIn !== this) return;
    attempt.waitingIn = undefined;
    this.#quota.count -= 1;
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

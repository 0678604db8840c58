/**
 * How many of the servers are to be tried where the first that answers is to have all calls: one after the other as they
 * fail, and the next one beside those that take long (RFC 8305 §5).
 */
import { type Clock, type Timer } from '../../base/clock.js';
import { type Backend } from './backend.js';

export class TriesInOrder {
  /** So many of them, from the first. */
  count = 1;
  readonly #clock: Clock;
  readonly #onNext: () => void;
  #timer: Timer | undefined;

  /** `onNext`: those that are tried have not answered yet, and one more may be. */
  constructor(clock: Clock, onNext: () => void) {
    this.#clock = clock;
    this.#onNext = onNext;
  }

  /** Those that are to be tried are being connected to, of so many. */
  onConnecting(serverCount: number): void {
    if (this.count >= serverCount) return;
    this.#timer ??= this.#clock.setTimer(
      () => {
        this.#timer = undefined;
        this.count += 1;
        this.#onNext();
      },
      NEXT_TRY_MS,
      false,
    );
  }

  /** Something about them is another. */
  onChange(servers: readonly Backend[]): void {
    if (servers.some(({ isReady }) => isReady)) {
      // When that one is lost, the first in the order are to be tried again.
      this.end();
      this.count = 1;
      for (const { subchannel } of servers) subchannel.forgetFailure();
      return;
    }
    const first = servers.findIndex(({ subchannel }) => subchannel.failure === undefined);
    // All up to the first that has not failed.
    this.count = Math.max(this.count, first === -1 ? servers.length : first + 1);
  }

  end(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

/** RFC 8305 §5, Connection Attempt Delay. */
const NEXT_TRY_MS = 250;

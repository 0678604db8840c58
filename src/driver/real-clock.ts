/**
 * The operating system's time for the floors above: monotonic milliseconds, timers of any length that never fire early,
 * and the two ways of coming back to the event loop. Holds no state: timers belong to whoever set them.
 */
import { performance } from 'node:perf_hooks';
import { type Clock, type Timer } from '../base/clock.js';

export const realClock: Clock = {
  now: () => performance.now(),
  setTimer: (callback, delayMs, keepsAlive = true) => new RealTimer(callback, delayMs, keepsAlive),
  atEndOfTurn(callback) {
    setImmediate(callback);
  },
  soon(callback) {
    queueMicrotask(callback);
  },
};

/**
 * Node's timers count in whole milliseconds of a clock that was cut to them: about one in a hundred fires early, by up
 * to a millisecond. This one looks again and waits for the rest. It also waits in steps where a delay is longer than
 * Node can hold (it would fire at once).
 */
class RealTimer implements Timer {
  #callback: (() => void) | undefined;
  #timeout: NodeJS.Timeout | undefined;
  readonly #dueAt: number;
  readonly #keepsAlive: boolean;

  constructor(callback: () => void, delayMs: number, keepsAlive: boolean) {
    this.#callback = callback;
    this.#dueAt = performance.now() + delayMs;
    this.#keepsAlive = keepsAlive;
    this.#wait(delayMs);
  }

  cancel(): void {
    this.#callback = undefined;
    clearTimeout(this.#timeout);
  }

  static readonly #onTimeout = (timer: RealTimer): void => {
    const restMs = timer.#dueAt - performance.now();
    if (restMs > 0) {
      timer.#wait(restMs);
      return;
    }
    const callback = timer.#callback;
    timer.#callback = undefined;
    callback?.();
  };

  #wait(delayMs: number): void {
    this.#timeout = setTimeout(RealTimer.#onTimeout, Math.min(Math.ceil(delayMs), LONGEST_TIMEOUT_MS), this);
    if (!this.#keepsAlive) this.#timeout.unref();
  }
}

/** Node's own limit: 2^31 - 1 ms, 24.8 days. */
const LONGEST_TIMEOUT_MS = 2_147_483_647;

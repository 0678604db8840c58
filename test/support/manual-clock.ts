/**
 * Time that a test moves by hand. `advance` runs what is due on the way, in order; `settle` lets promise chains run to
 * their end. Nothing here waits for real time.
 */
import { type Clock, type Timer } from '../../src/base/clock.js';

interface ManualTimer {
  readonly dueAt: number;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  #now = 1_000;
  readonly #timers = new Set<ManualTimer>();

  now(): number {
    return this.#now;
  }

  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** When the next timer is due, counted from now. */
  get nextTimerInMs(): number | undefined {
    const next = this.#next(Infinity);
    return next === undefined ? undefined : next.dueAt - this.#now;
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    const timer = { dueAt: this.#now + delayMs, callback };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  atEndOfTurn(callback: () => void): void {
    setImmediate(callback);
  }

  soon(callback: () => void): void {
    queueMicrotask(callback);
  }

  /** Moves time, and runs the timers that it passes. Promises settle between them and after the last. */
  async advance(byMs: number): Promise<void> {
    const until = this.#now + byMs;
    await settle();
    for (let timer = this.#next(until); timer !== undefined; timer = this.#next(until)) {
      this.#now = Math.max(this.#now, timer.dueAt);
      this.#timers.delete(timer);
      timer.callback();
      await settle();
    }
    this.#now = until;
  }

  #next(until: number): ManualTimer | undefined {
    let next: ManualTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueAt <= until && (next === undefined || timer.dueAt < next.dueAt)) next = timer;
    }
    return next;
  }
}

/** All promise chains that can go on without an event have gone on. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * All timers of the process over one timeout of Node, which is set for the earliest of them. Nearly every timer is
 * cancelled before its time, and the next one is set at once: a timeout that is set and cleared for each small call took
 * a tenth of its time, so here the timeout stays, may find nothing due, and is then set for what is next. While no timer
 * keeps the process alive neither does the timeout.
 *
 * Node's timeouts count in whole milliseconds of a clock that was cut to them: about one in a hundred fires early, by up
 * to a millisecond. So what is due is decided by the clock, and the timeout is set again for the rest; also in steps
 * where a delay is longer than Node can hold (it would fire at once).
 */
import { performance } from 'node:perf_hooks';
import { type Timer } from '../base/clock.js';
import { DeadlineHeap, type HeapEntry, NOT_QUEUED } from '../base/deadline-heap.js';

export class RealTimers {
  readonly #timers = new DeadlineHeap<RealTimer>();
  #timeout: NodeJS.Timeout | undefined;
  /** When the timeout is to fire. */
  #armedFor = Infinity;
  /** How many of the timers keep the process alive. */
  #keepingCount = 0;
  #isKeeping = true;
  #setCount = 0;

  set(callback: () => void, delayMs: number, keepsAlive: boolean): Timer {
    const timer = new RealTimer(this, callback, performance.now() + delayMs, keepsAlive, this.#setCount++);
    this.#timers.add(timer);
    if (keepsAlive) this.#keepingCount++;
    if (timer.dueAt < this.#armedFor) this.#arm(timer.dueAt, delayMs);
    this.#keepAlive();
    return timer;
  }

  /** Idempotent. */
  remove(timer: RealTimer): void {
    if (timer.heapIndex === NOT_QUEUED) return;
    this.#timers.remove(timer);
    if (timer.keepsAlive) this.#keepingCount--;
    this.#keepAlive();
  }

  static readonly #onTimeout = (timers: RealTimers): void => {
    timers.#armedFor = Infinity;
    timers.#runDue();
  };

  #runDue(): void {
    const now = performance.now();
    // Those that are set by these must wait, however short their delay.
    const end = this.#setCount;
    try {
      for (let first = this.#timers.peek(); first !== undefined; first = this.#timers.peek()) {
        if (first.dueAt > now || first.order >= end) break;
        this.remove(first);
        first.callback();
      }
    } finally {
      // Also when a callback has thrown: the others still want to run.
      const next = this.#timers.peek();
      if (next !== undefined && next.dueAt < this.#armedFor) {
        this.#arm(next.dueAt, next.dueAt - performance.now());
        this.#keepAlive();
      }
    }
  }

  #arm(dueAt: number, delayMs: number): void {
    clearTimeout(this.#timeout);
    this.#armedFor = dueAt;
    const wholeMs = Math.min(Math.max(Math.ceil(delayMs), 0), LONGEST_TIMEOUT_MS);
    this.#timeout = setTimeout(RealTimers.#onTimeout, wholeMs, this);
    this.#isKeeping = true;
  }

  #keepAlive(): void {
    const isKeeping = this.#keepingCount > 0;
    if (isKeeping === this.#isKeeping || this.#timeout === undefined) return;
    this.#isKeeping = isKeeping;
    if (isKeeping) this.#timeout.ref();
    else this.#timeout.unref();
  }
}

class RealTimer implements Timer, HeapEntry {
  heapIndex = NOT_QUEUED;
  readonly callback: () => void;
  readonly dueAt: number;
  readonly keepsAlive: boolean;
  /** How many were set before it. */
  readonly order: number;
  readonly #timers: RealTimers;

  constructor(timers: RealTimers, callback: () => void, dueAt: number, keepsAlive: boolean, order: number) {
    this.#timers = timers;
    this.callback = callback;
    this.dueAt = dueAt;
    this.keepsAlive = keepsAlive;
    this.order = order;
  }

  cancel(): void {
    this.#timers.remove(this);
  }
}

/** Node's own limit: 2^31 - 1 ms, 24.8 days. */
const LONGEST_TIMEOUT_MS = 2_147_483_647;

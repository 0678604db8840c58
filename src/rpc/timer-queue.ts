/**
 * Many deadlines over one timer of the clock. Nearly every call ends before its deadline, so adding and removing must be
 * cheap and arming rare; the timer is armed for the earliest item, may find it gone when it fires, and exists only while
 * there are items, because a pending timer keeps the process alive.
 */
import { type Clock, type Timer } from '../base/clock.js';
import { DeadlineHeap, type HeapEntry } from '../base/deadline-heap.js';

export interface TimerItem extends HeapEntry {
  /** Called once, after the item has left the queue. */
  onDue(): void;
}

export class TimerQueue {
  readonly #clock: Clock;
  readonly #items = new DeadlineHeap<TimerItem>();
  #timer: Timer | undefined;
  #armedFor = Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `dueAt` is finite. */
  add(item: TimerItem, now: number): void {
    this.#items.add(item);
    if (item.dueAt < this.#armedFor) this.#arm(item.dueAt, now);
  }

  /** Idempotent. */
  remove(item: TimerItem): void {
    this.#items.remove(item);
    if (this.#items.size === 0) this.#disarm();
  }

  #arm(dueAt: number, now: number): void {
    this.#timer?.cancel();
    this.#armedFor = dueAt;
    this.#timer = this.#clock.setTimer(this.#onTimer, Math.max(0, dueAt - now));
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#armedFor = Infinity;
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined;
    this.#armedFor = Infinity;
    const now = this.#clock.now();
    let earliest = this.#items.peek();
    while (earliest !== undefined && earliest.dueAt - now < ROUNDING_MS) {
      this.remove(earliest);
      earliest.onDue();
      earliest = this.#items.peek();
    }
    if (earliest !== undefined && earliest.dueAt < this.#armedFor) this.#arm(earliest.dueAt, now);
  };
}

/** Sums of doubles: an instant this close has come. */
const ROUNDING_MS = 0.001;

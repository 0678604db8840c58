/**
 * Many deadlines over one timer of the clock: a heap by instant. Nearly every call ends before its deadline, so adding
 * and removing must be cheap and arming rare; the timer is armed for the earliest item, may find it gone when it fires,
 * and exists only while there are items, because a pending timer keeps the process alive.
 */
import { type Clock, type Timer } from '../../base/clock.js';

export interface TimerItem {
  /** Not changed while the item is in a queue. */
  readonly dueAt: number;
  /** The queue's own: where the item is, or NOT_QUEUED. */
  queueIndex: number;
  /** Called once, after the item has left the queue. */
  onDue(): void;
}

export const NOT_QUEUED = -1;

export class TimerQueue {
  readonly #clock: Clock;
  readonly #heap: TimerItem[] = [];
  #timer: Timer | undefined;
  #armedFor = Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `dueAt` is finite. */
  add(item: TimerItem, now: number): void {
    this.#siftUp(item, this.#heap.length);
    if (item.dueAt < this.#armedFor) this.#arm(item.dueAt, now);
  }

  /** Idempotent. */
  remove(item: TimerItem): void {
    const index = item.queueIndex;
    if (index === NOT_QUEUED) return;
    item.queueIndex = NOT_QUEUED;
    const last = this.#heap.pop();
    if (last !== undefined && last !== item) {
      if (last.dueAt < item.dueAt) this.#siftUp(last, index);
      else this.#siftDown(last, index);
    }
    if (this.#heap.length === 0) this.#disarm();
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
    let earliest = this.#heap[0];
    while (earliest !== undefined && earliest.dueAt - now < ROUNDING_MS) {
      this.remove(earliest);
      earliest.onDue();
      earliest = this.#heap[0];
    }
    if (earliest !== undefined && earliest.dueAt < this.#armedFor) this.#arm(earliest.dueAt, now);
  };

  #siftUp(item: TimerItem, from: number): void {
    const heap = this.#heap;
    let index = from;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex];
      if (parent === undefined || parent.dueAt <= item.dueAt) break;
      heap[index] = parent;
      parent.queueIndex = index;
      index = parentIndex;
    }
    heap[index] = item;
    item.queueIndex = index;
  }

  #siftDown(item: TimerItem, from: number): void {
    const heap = this.#heap;
    let index = from;
    for (;;) {
      let childIndex = 2 * index + 1;
      let child = heap[childIndex];
      const right = heap[childIndex + 1];
      if (child !== undefined && right !== undefined && right.dueAt < child.dueAt) {
        child = right;
        childIndex += 1;
      }
      if (child === undefined || child.dueAt >= item.dueAt) break;
      heap[index] = child;
      child.queueIndex = index;
      index = childIndex;
    }
    heap[index] = item;
    item.queueIndex = index;
  }
}

/** Sums of doubles: an instant this close has come. */
const ROUNDING_MS = 0.001;

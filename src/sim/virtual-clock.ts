/**
 * Time of the simulator. It stands still while code runs and jumps to the next timer between turns, so that an hour of
 * protocol time costs what its events cost. Timers due at the same time run in the order in which they were set.
 * One turn here is one turn of the event loop there: some due timers, what they asked to run soon, what they asked to
 * run at the end of the turn. Promises are settled by whoever runs the turns (`sim-loop.ts`), between the parts.
 */
import { assert } from '../base/assert.js';
import { type Clock, type Timer } from '../base/clock.js';

export class VirtualClock implements Clock {
  #now: number;
  #order = 0;
  #pendingTimers = 0;
  #turnsAtThisTime = 0;
  /** A binary heap by time, then order. Cancelled timers stay in it until they surface or are too many. */
  #heap: VirtualTimer[] = [];
  #soon: (() => void)[] = [];
  #atEndOfTurn: (() => void)[] = [];

  constructor(startMs = 0) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    assert(delayMs < Infinity, `a timer needs a finite delay, not ${delayMs}`);
    const timer = new VirtualTimer(this.#now + Math.max(0, delayMs), this.#order++, callback, this.#onCancel);
    this.#pendingTimers++;
    this.#push(timer);
    return timer;
  }

  atEndOfTurn(callback: () => void): void {
    this.#atEndOfTurn.push(callback);
  }

  soon(callback: () => void): void {
    this.#soon.push(callback);
  }

  /** Timers set and neither run nor cancelled. */
  get pendingTimers(): number {
    return this.#pendingTimers;
  }

  /** When the next timer is due, or undefined when nothing will ever happen by itself. */
  get nextTime(): number | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined) return undefined;
      if (first.callback !== undefined) return first.time;
      this.#pop();
    }
  }

  /** Turns since time last moved: a simulation in which this grows without limit has a busy loop in it. */
  get turnsAtThisTime(): number {
    return this.#turnsAtThisTime;
  }

  /** Is anything left to run before time may move? */
  get hasUnfinishedTurn(): boolean {
    return this.#soon.length > 0 || this.#atEndOfTurn.length > 0;
  }

  /**
   * Moves time to the next timer and runs at most `maxEvents` of those due then; timers that they set wait for the
   * next turn. Returns false when there is no timer. Follow with `runSoon` and `endTurn`.
   */
  beginTurn(maxEvents = Infinity): boolean {
    const time = this.nextTime;
    if (time === undefined) return false;
    this.#turnsAtThisTime = time > this.#now ? 0 : this.#turnsAtThisTime + 1;
    this.#now = time;
    const firstOrderOfNextTurn = this.#order;
    for (let count = 0; count < maxEvents && this.nextTime === time; count++) {
      const timer = this.#heap[0];
      if (timer?.callback === undefined || timer.order >= firstOrderOfNextTurn) break;
      this.#pop();
      this.#pendingTimers--;
      const { callback } = timer;
      timer.callback = undefined;
      callback();
    }
    return true;
  }

  /** Runs what was asked to run soon, and what that asks for. */
  runSoon(): void {
    for (let count = 0; this.#soon.length > 0; count++) {
      assert(count < MAX_ROUNDS, 'callbacks that run soon ask for each other without end');
      const due = this.#soon;
      this.#soon = [];
      for (const callback of due) callback();
    }
  }

  /** Runs what waited for the end of the turn; what it asks for at the end of the turn waits for the next one. */
  endTurn(): void {
    const due = this.#atEndOfTurn;
    if (due.length > 0) {
      this.#atEndOfTurn = [];
      for (const callback of due) callback();
    }
    this.runSoon();
  }

  /** Turns of code that uses no promises, until nothing is due up to `untilMs`; time ends there. */
  run(untilMs: number): void {
    for (;;) {
      for (let rounds = 0; this.hasUnfinishedTurn; rounds++) {
        assert(rounds < MAX_ROUNDS, 'ends of turns ask for each other without end');
        this.runSoon();
        this.endTurn();
      }
      const next = this.nextTime;
      if (next === undefined || next > untilMs) break;
      this.beginTurn();
      assert(this.#turnsAtThisTime < MAX_ROUNDS, 'time does not move');
    }
    this.skipTo(untilMs);
  }

  /** Moves time when no timer is due before. */
  skipTo(timeMs: number): void {
    assert((this.nextTime ?? Infinity) >= timeMs, 'time does not pass a timer that is due');
    if (timeMs <= this.#now) return;
    this.#now = timeMs;
    this.#turnsAtThisTime = 0;
  }

  readonly #onCancel = (): void => {
    this.#pendingTimers--;
    if (this.#heap.length < COMPACT_ABOVE || this.#heap.length < 2 * this.#pendingTimers) return;
    const live = this.#heap.filter((timer) => timer.callback !== undefined);
    live.sort((left, right) => (isBefore(left, right) ? -1 : 1)); // a sorted array is a heap
    this.#heap = live;
  };

  #push(timer: VirtualTimer): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(timer);
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex] as VirtualTimer;
      if (!isBefore(timer, parent)) break;
      heap[index] = parent;
      index = parentIndex;
    }
    heap[index] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as VirtualTimer;
    const { length } = heap;
    if (length === 0) return;
    let index = 0;
    for (;;) {
      let childIndex = 2 * index + 1;
      if (childIndex >= length) break;
      const rightIndex = childIndex + 1;
      if (
        rightIndex < length &&
        isBefore(heap[rightIndex] as VirtualTimer, heap[childIndex] as VirtualTimer)
      ) {
        childIndex = rightIndex;
      }
      const child = heap[childIndex] as VirtualTimer;
      if (!isBefore(child, last)) break;
      heap[index] = child;
      index = childIndex;
    }
    heap[index] = last;
  }
}

class VirtualTimer implements Timer {
  readonly time: number;
  readonly order: number;
  callback: (() => void) | undefined;
  readonly #onCancel: () => void;

  constructor(time: number, order: number, callback: () => void, onCancel: () => void) {
    this.time = time;
    this.order = order;
    this.callback = callback;
    this.#onCancel = onCancel;
  }

  cancel(): void {
    if (this.callback === undefined) return;
    this.callback = undefined;
    this.#onCancel();
  }
}

function isBefore(left: VirtualTimer, right: VirtualTimer): boolean {
  return left.time < right.time || (left.time === right.time && left.order < right.order);
}

/** FAULTS: no 1,000 steps without time moving. */
const MAX_ROUNDS = 1_000;
const COMPACT_ABOVE = 1_024;

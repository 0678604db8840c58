/**
 * A first-in first-out queue whose `push` and `shift` cost the same however long it is: an array's own `shift` moves
 * every element. The room doubles when it is full, and what a burst
 * needed is given back when it is empty: there are many queues, most of them idle. A slot that was left holds nothing. It has no limit of its own: its user has one, with a name.
 */
import { assert } from './assert.js';

/** Powers of two, so that positions wrap with a mask. A queue that was never used has no slots at all. */
const INITIAL_SLOTS = 4;
const SLOTS_KEPT_WHEN_EMPTY = 256;

export class RingQueue<T> {
  private slots: (T | undefined)[] = [];
  private head = 0;
  private count = 0;

  get length(): number {
    return this.count;
  }

  push(item: T): void {
    if (this.count === this.slots.length) this.grow();
    this.slots[(this.head + this.count) & (this.slots.length - 1)] = item;
    this.count++;
  }

  /** Takes the oldest item, or undefined when there is none. */
  shift(): T | undefined {
    if (this.count === 0) return undefined;
    const item = this.slots[this.head];
    this.slots[this.head] = undefined;
    this.head = (this.head + 1) & (this.slots.length - 1);
    this.count--;
    if (this.count === 0 && this.slots.length > SLOTS_KEPT_WHEN_EMPTY) this.clear();
    return item;
  }

  /** The oldest item, which stays, or undefined when there is none. */
  peek(): T | undefined {
    return this.count === 0 ? undefined : this.slots[this.head];
  }

  clear(): void {
    this.slots = [];
    this.head = 0;
    this.count = 0;
  }

  private grow(): void {
    const old = this.slots;
    assert(this.count === old.length, 'a queue grows only when it is full');
    this.slots = new Array<T | undefined>(Math.max(INITIAL_SLOTS, old.length * 2)).fill(undefined);
    for (let i = 0; i < old.length; i++) this.slots[i] = old[(this.head + i) & (old.length - 1)];
    this.head = 0;
  }
}

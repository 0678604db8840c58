/**
 * A first-in first-out queue whose `push` and `shift` cost the same however long it is: an array's own `shift` moves
 * every element. The room doubles when it is full and never shrinks; a slot that was left holds nothing, so that what
 * it held can be collected. It has no limit of its own: its user has one, with a name.
 */
import { assert } from './assert.js';

/** A power of two, so that positions wrap with a mask. */
const INITIAL_SLOTS = 16;

export class RingQueue<T> {
  private slots: (T | undefined)[] = new Array<T | undefined>(INITIAL_SLOTS).fill(undefined);
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
    return item;
  }

  /** The oldest item, which stays, or undefined when there is none. */
  peek(): T | undefined {
    return this.count === 0 ? undefined : this.slots[this.head];
  }

  clear(): void {
    this.slots = new Array<T | undefined>(INITIAL_SLOTS).fill(undefined);
    this.head = 0;
    this.count = 0;
  }

  private grow(): void {
    const old = this.slots;
    assert(this.count === old.length, 'a queue grows only when it is full');
    this.slots = new Array<T | undefined>(old.length * 2).fill(undefined);
    for (let i = 0; i < old.length; i++) this.slots[i] = old[(this.head + i) & (old.length - 1)];
    this.head = 0;
  }
}

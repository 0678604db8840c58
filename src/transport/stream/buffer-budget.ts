/**
 * The memory that all connections of a process may hold together in buffers: written and not acknowledged, received
 * and not read. Made by whoever makes endpoints, and told of every byte. Above half of it no window grows; above all
 * of it windows count as the smallest and writers wait. Who has to wait is called in turn, one for each share that is
 * freed, so that one connection does not take what many wait for.
 * It never stands still: what each connection may always hold is small, and is given whatever the others do.
 */
import { assert } from '../../base/assert.js';

/** Told once when there is room again; may wait again at once. */
export interface BudgetWaiter {
  onBufferRoom(): void;
}

/** 256 MiB. */
export const DEFAULT_BUFFER_BYTES = 256 << 20;

/** So much is freed for each that is called: a useful write, or half a first window. */
const SHARE_BYTES = 64 << 10;

/** What connections may hold in buffers together: give the same one to several servers and channels, as `buffers`. */
export class BufferBudget {
  readonly limitBytes: number;
  private usedValue = 0;
  /** Freed since somebody waits, and not yet handed on. */
  private freedBytes = 0;
  /** In the order in which they came. */
  private readonly waiting = new Set<BudgetWaiter>();

  constructor(limitBytes: number = DEFAULT_BUFFER_BYTES) {
    assert(limitBytes >= 0, 'a budget is not negative');
    this.limitBytes = limitBytes;
  }

  /** Held now. */
  get usedBytes(): number {
    return this.usedValue;
  }

  /** Left now. */
  get freeBytes(): number {
    return Math.max(0, this.limitBytes - this.usedValue);
  }

  /** Windows and buffers may become larger than they began. */
  get mayGrow(): boolean {
    return this.usedValue * 2 < this.limitBytes;
  }

  /** Nothing is left: windows count as the smallest, and writers wait. */
  get isExhausted(): boolean {
    return this.usedValue >= this.limitBytes;
  }

  /** @internal */
  hold(bytes: number): void {
    this.usedValue += bytes;
  }

  /** @internal */
  release(bytes: number): void {
    this.usedValue -= bytes;
    assert(this.usedValue >= 0, 'what is released was held');
    if (this.waiting.size === 0) return;
    this.freedBytes += bytes;
    this.callWaiting();
  }

  /** @internal */
  wait(waiter: BudgetWaiter): void {
    this.waiting.add(waiter);
  }

  /** @internal */
  leave(waiter: BudgetWaiter): void {
    this.waiting.delete(waiter);
  }

  private callWaiting(): void {
    // Who waits again at once is not called again now.
    for (let left = this.waiting.size; left > 0 && this.mayCall; left--) {
      const [first] = this.waiting;
      if (first === undefined) break;
      this.waiting.delete(first);
      this.freedBytes = Math.max(0, this.freedBytes - SHARE_BYTES);
      first.onBufferRoom();
    }
    if (this.waiting.size === 0) this.freedBytes = 0;
  }

  /** With half of all free there is enough for everybody, and nothing to share out. */
  private get mayCall(): boolean {
    if (this.mayGrow) return true;
    return this.freedBytes >= SHARE_BYTES && this.freeBytes >= SHARE_BYTES;
  }
}

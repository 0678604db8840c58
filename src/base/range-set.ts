/**
 * A set of non-negative safe integers kept as sorted, disjoint, non-adjacent half-open ranges [start, end): packet
 * numbers received, bytes acknowledged, bytes still to be sent. Two flat arrays and a binary search, because the usual
 * change is at the last range and then moves nothing. It has no limit of its own: whoever lets a peer drive it looks
 * at `size` and drops what is too much.
 */
import { assert } from './assert.js';

export class RangeSet {
  private readonly starts: number[] = [];
  private readonly ends: number[] = [];

  /** How many ranges there are, not how many integers. */
  get size(): number {
    return this.starts.length;
  }

  /** The smallest integer in the set. */
  get first(): number | undefined {
    return this.starts[0];
  }

  /** The largest integer in the set. */
  get last(): number | undefined {
    const end = this.ends[this.ends.length - 1];
    return end === undefined ? undefined : end - 1;
  }

  /** Start of range `index`; ranges count upwards from 0. */
  start(index: number): number {
    const start = this.starts[index];
    assert(start !== undefined, 'range index within the set');
    return start;
  }

  /** End of range `index`: the first integer behind it. */
  end(index: number): number {
    const end = this.ends[index];
    assert(end !== undefined, 'range index within the set');
    return end;
  }

  contains(value: number): boolean {
    const index = this.firstEndingAfter(value);
    return index < this.starts.length && this.start(index) <= value;
  }

  /** Every integer of [start, end) is in the set. An empty range is. */
  containsRange(start: number, end: number): boolean {
    if (start >= end) return true;
    const index = this.firstEndingAfter(start);
    return index < this.starts.length && this.start(index) <= start && this.end(index) >= end;
  }

  add(start: number, end: number): void {
    assertRange(start, end);
    if (start === end) return;
    const { starts, ends } = this;
    const from = this.firstEndingAfter(start - 1);
    if (from === starts.length) {
      starts.push(start);
      ends.push(end);
      return;
    }
    if (end < this.start(from)) {
      starts.splice(from, 0, start);
      ends.splice(from, 0, end);
      return;
    }
    let last = from;
    while (last + 1 < starts.length && this.start(last + 1) <= end) last++;
    const mergedEnd = Math.max(end, this.end(last));
    starts[from] = Math.min(start, this.start(from));
    ends[from] = mergedEnd;
    this.deleteRanges(from + 1, last - from);
  }

  remove(start: number, end: number): void {
    assertRange(start, end);
    const { starts, ends } = this;
    let from = this.firstEndingAfter(start);
    if (start === end || from === starts.length || this.start(from) >= end) return;
    const head = this.start(from);
    if (head < start) {
      const tail = this.end(from);
      ends[from] = start;
      from++;
      if (tail > end) {
        starts.splice(from, 0, end);
        ends.splice(from, 0, tail);
        return;
      }
    }
    let behind = from;
    while (behind < starts.length && this.end(behind) <= end) behind++;
    if (behind < starts.length && this.start(behind) < end) starts[behind] = end;
    this.deleteRanges(from, behind - from);
  }

  /** Removes everything below `limit`. */
  removeBelow(limit: number): void {
    if (limit > 0) this.remove(0, limit);
  }

  /** Removes everything that is in `other`, which is another set. */
  subtract(other: RangeSet): void {
    assert(other !== this, 'a set is not subtracted from itself');
    for (let i = 0; i < other.size; i++) this.remove(other.start(i), other.end(i));
  }

  clear(): void {
    this.starts.length = 0;
    this.ends.length = 0;
  }

  /** Index of the first range whose end is above `value`; `size` when there is none. */
  private firstEndingAfter(value: number): number {
    const { ends } = this;
    let low = 0;
    let high = ends.length;
    // Most questions are about the newest range or what lies beyond it.
    if (high > 0 && this.start(high - 1) <= value) return this.end(high - 1) > value ? high - 1 : high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.end(middle) > value) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  private deleteRanges(index: number, count: number): void {
    if (count === 0) return;
    this.starts.splice(index, count);
    this.ends.splice(index, count);
  }
}

function assertRange(start: number, end: number): void {
  assert(
    start >= 0 && start <= end && end <= Number.MAX_SAFE_INTEGER,
    'a range is [start, end) of safe integers',
  );
}

/**
 * Puts the received bytes of one stream in order. `ready` is the run that can be read, `early` what came before its
 * turn, sorted and disjoint; the first bytes that came for an offset stay. What is handed out are views of the
 * datagrams, neither copied nor pooled: they belong to who reads them.
 * Deviation: a piece much smaller than the memory behind it is copied when it has to wait (out of order, or behind
 * others that nobody reads). Else a peer that sends single bytes would make us hold a datagram for each.
 */
import { RingQueue } from '../../base/ring-queue.js';

interface Segment {
  readonly start: number;
  end: number;
  /** At least `end - start` bytes, more when it is our copy and has room to grow. */
  bytes: Uint8Array;
  readonly isCopy: boolean;
}

/** Pieces may wait as they came as long as they are so few; a reader that keeps up never has more. */
const UNCOPIED_PIECES = 4;

/** A piece that waits may hold memory of this many times its size. */
const MAX_OVERHEAD = 4;

/** Small neighbours are gathered up to this size. */
const GATHERED_BYTES = 16_384;

export class ReceiveBuffer {
  /** The first readable piece: for a small call the only one, so that it needs no queue. */
  private first: Uint8Array | undefined;
  private queue: RingQueue<Segment> | undefined;
  private lastQueued: Segment | undefined;
  private early: Segment[] | undefined;
  private runs = 0;
  private readOffsetValue = 0;
  private readyEndValue = 0;

  /** Everything below was handed out. */
  get readOffset(): number {
    return this.readOffsetValue;
  }

  /** Everything below has arrived. */
  get readyEnd(): number {
    return this.readyEndValue;
  }

  get hasReady(): boolean {
    return this.readyEndValue > this.readOffsetValue;
  }

  /** Holes between the bytes that have arrived. */
  get gapCount(): number {
    return this.runs;
  }

  insert(offset: number, data: Uint8Array): void {
    const end = offset + data.length;
    if (end <= this.readyEndValue) return;
    const isNext = offset <= this.readyEndValue;
    const fresh = offset < this.readyEndValue ? data.subarray(this.readyEndValue - offset) : data;
    if (isNext && this.runs === 0) {
      this.pushReady(fresh);
      return;
    }
    this.insertEarly(end - fresh.length, end, fresh);
    if (isNext) this.takeFirstRun();
  }

  /** The next piece, or undefined when there is none. */
  read(): Uint8Array | undefined {
    let piece = this.first;
    if (piece !== undefined) {
      this.first = undefined;
    } else {
      const segment = this.queue?.shift();
      if (segment === undefined) return undefined;
      if (segment === this.lastQueued) this.lastQueued = undefined;
      piece = contentOf(segment);
    }
    this.readOffsetValue += piece.length;
    return piece;
  }

  /** Drops what is held; nothing is inserted afterwards. */
  clear(): void {
    this.first = undefined;
    this.queue = undefined;
    this.lastQueued = undefined;
    this.early = undefined;
    this.runs = 0;
    this.readOffsetValue = this.readyEndValue;
  }

  private pushReady(data: Uint8Array): void {
    const start = this.readyEndValue;
    this.readyEndValue += data.length;
    if (!this.isQueueing) {
      this.first = data;
      return;
    }
    const { lastQueued } = this;
    const mustCopy = this.queue !== undefined && this.queue.length >= UNCOPIED_PIECES && isWasteful(data);
    if (mustCopy && lastQueued !== undefined && gather(lastQueued, data)) return;
    this.enqueue(segmentOf(start, data, mustCopy));
  }

  private enqueue(segment: Segment): void {
    this.queue ??= new RingQueue<Segment>();
    this.queue.push(segment);
    this.lastQueued = segment;
  }

  private get isQueueing(): boolean {
    return this.first !== undefined || this.lastQueued !== undefined;
  }

  /** Puts what is new of [start, end) into the holes between the segments. */
  private insertEarly(start: number, end: number, data: Uint8Array): void {
    const early = (this.early ??= []);
    let index = firstEndingAfter(early, start);
    let position = start;
    while (position < end) {
      const behind = early[index];
      const holeEnd = Math.min(end, behind?.start ?? end);
      if (holeEnd > position) {
        const isAll = position === start && holeEnd === end;
        const part = isAll ? data : data.subarray(position - start, holeEnd - start);
        index = this.fillHole(early, index, position, part);
      }
      if (behind === undefined || behind.start >= end) return;
      position = behind.end;
      index++;
    }
  }

  /** `index` is the segment behind the hole. Returns where that is afterwards. */
  private fillHole(early: Segment[], index: number, start: number, data: Uint8Array): number {
    const before = index > 0 ? early[index - 1] : undefined;
    const touchesBefore = before?.end === start;
    const touchesBehind = early[index]?.start === start + data.length;
    this.runs += 1 - (touchesBefore ? 1 : 0) - (touchesBehind ? 1 : 0);
    const mustCopy = isWasteful(data);
    if (mustCopy && touchesBefore && gather(before, data)) return index;
    early.splice(index, 0, segmentOf(start, data, mustCopy));
    return index + 1;
  }

  /** The first run of early segments has become readable. */
  private takeFirstRun(): void {
    const early = this.early ?? [];
    let count = 0;
    for (const segment of early) {
      if (segment.start !== this.readyEndValue) break;
      this.readyEndValue = segment.end;
      if (this.isQueueing) this.enqueue(segment);
      else this.first = contentOf(segment);
      count++;
    }
    early.splice(0, count);
    this.runs--;
  }
}

function firstEndingAfter(segments: readonly Segment[], offset: number): number {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((segments[middle] as Segment).end > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}

function segmentOf(start: number, data: Uint8Array, isCopy: boolean): Segment {
  return { start, end: start + data.length, bytes: isCopy ? new Uint8Array(data) : data, isCopy };
}

function contentOf(segment: Segment): Uint8Array {
  const length = segment.end - segment.start;
  return length === segment.bytes.length ? segment.bytes : segment.bytes.subarray(0, length);
}

function isWasteful(data: Uint8Array): boolean {
  return data.length * MAX_OVERHEAD < data.buffer.byteLength;
}

/** Copies `data` to the end of a segment that is our own copy. False when it is not, or would become too large. */
function gather(segment: Segment, data: Uint8Array): boolean {
  if (!segment.isCopy) return false;
  const held = segment.end - segment.start;
  const needed = held + data.length;
  if (needed > GATHERED_BYTES) return false;
  if (needed > segment.bytes.length) {
    const larger = new Uint8Array(Math.min(needed * 2, GATHERED_BYTES));
    larger.set(contentOf(segment));
    segment.bytes = larger;
  }
  segment.bytes.set(data, held);
  segment.end += data.length;
  return true;
}

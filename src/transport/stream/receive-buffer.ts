/**
 * Puts the received bytes of one stream in order. `ready` is the run that can be read, `early` what came before its
 * turn, sorted and disjoint; the first bytes that came for an offset stay. What is handed out are views of the
 * datagrams, neither copied nor pooled: they belong to who reads them; but of a large datagram only the part that is more than
 * half of it is (`owned-memory.ts`).
 * Deviation: a small piece that has to wait (out of order, or behind others that nobody reads) is copied and gathered
 * with its neighbours, and so is any piece when the connection keeps much memory for little. Else a peer that sends
 * single bytes would make us hold a datagram, and some objects, for each.
 */
import { unshared } from '../../base/owned-memory.js';
import { RingQueue } from '../../base/ring-queue.js';
import { checkPieces, type ReceiveMemory } from './receive-memory.js';

interface Segment {
  readonly start: number;
  end: number;
  /** At least `end - start` bytes, more when it is our copy and has room to grow. */
  bytes: Uint8Array;
  readonly isCopy: boolean;
}

/** Pieces may wait as they came as long as they are so few; a reader that keeps up never has more. */
const UNCOPIED_PIECES = 4;

/** A piece that waits and is smaller is copied: the objects around it would weigh as much. */
const SMALL_BYTES = 1_024;

/** Small neighbours are gathered up to this size. */
const GATHERED_BYTES = 16_384;

export class ReceiveBuffer {
  private readonly memory: ReceiveMemory;
  /** The first readable piece: for a small call the only one, so that it needs no queue. */
  private first: Uint8Array | undefined;
  private firstMemoryBytes = 0;
  private queue: RingQueue<Segment> | undefined;
  private lastQueued: Segment | undefined;
  private early: Segment[] | undefined;
  private earlyBytes = 0;
  private memoryBytes = 0;
  private readOffsetValue = 0;
  private readyEndValue = 0;

  constructor(memory: ReceiveMemory) {
    this.memory = memory;
  }

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

  /** What came before its turn, in so many pieces. */
  get earlyCount(): number {
    return this.early?.length ?? 0;
  }

  /** TransportError when more than about `maxPieces` would wait for what comes before them. */
  insert(offset: number, data: Uint8Array, maxPieces: number): void {
    const end = offset + data.length;
    if (end <= this.readyEndValue) return;
    const isNext = offset <= this.readyEndValue;
    const fresh = offset < this.readyEndValue ? data.subarray(this.readyEndValue - offset) : data;
    if (isNext && this.earlyCount === 0) {
      this.pushReady(unshared(fresh));
      return;
    }
    this.insertEarly(end - fresh.length, end, fresh);
    if (isNext) this.takeFirstRun();
    else checkPieces(this.earlyCount, this.earlyBytes, maxPieces, 'a stream');
  }

  /** The next piece, or undefined when there is none. */
  read(): Uint8Array | undefined {
    let piece = this.first;
    let memoryBytes = this.firstMemoryBytes;
    if (piece !== undefined) {
      this.first = undefined;
    } else {
      const segment = this.queue?.shift();
      if (segment === undefined) return undefined;
      if (segment === this.lastQueued) this.lastQueued = undefined;
      piece = contentOf(segment);
      memoryBytes = memoryOf(segment);
    }
    this.readOffsetValue += piece.length;
    this.memoryBytes -= memoryBytes;
    this.memory.release(memoryBytes, piece.length);
    return piece;
  }

  /** Drops what is held; nothing is inserted afterwards. */
  clear(): void {
    const readyBytes = this.readyEndValue - this.readOffsetValue;
    this.memory.release(this.memoryBytes, readyBytes + this.earlyBytes);
    this.memory.onEarly(-this.earlyCount, -this.earlyBytes);
    this.first = undefined;
    this.queue = undefined;
    this.lastQueued = undefined;
    this.early = undefined;
    this.earlyBytes = 0;
    this.memoryBytes = 0;
    this.readOffsetValue = this.readyEndValue;
  }

  private pushReady(data: Uint8Array): void {
    const start = this.readyEndValue;
    this.readyEndValue += data.length;
    if (!this.isQueueing) {
      this.first = this.memory.mayKeep(data) ? data : data.slice();
      this.firstMemoryBytes = this.first.buffer.byteLength;
      this.hold(this.firstMemoryBytes, data.length);
      return;
    }
    const { lastQueued } = this;
    const isLong = this.queue !== undefined && this.queue.length >= UNCOPIED_PIECES;
    const mustCopy = (isLong && data.length < SMALL_BYTES) || !this.memory.mayKeep(data);
    if (mustCopy && lastQueued !== undefined && this.gather(lastQueued, data)) return;
    this.enqueue(this.segmentOf(start, data, mustCopy));
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
        // Of a piece that is cut only one part can be the greater one of its datagram.
        index = this.fillHole(early, index, position, unshared(part));
      }
      if (behind === undefined || behind.start >= end) return;
      position = behind.end;
      index++;
    }
  }

  /** `index` is the segment behind the hole. Returns where that is afterwards. */
  private fillHole(early: Segment[], index: number, start: number, data: Uint8Array): number {
    const before = index > 0 ? early[index - 1] : undefined;
    const mustCopy = data.length < SMALL_BYTES || !this.memory.mayKeep(data);
    this.earlyBytes += data.length;
    if (mustCopy && before?.end === start && this.gather(before, data)) {
      this.memory.onEarly(0, data.length);
      return index;
    }
    early.splice(index, 0, this.segmentOf(start, data, mustCopy));
    this.memory.onEarly(1, data.length);
    return index + 1;
  }

  /** The first run of early segments has become readable. */
  private takeFirstRun(): void {
    const early = this.early ?? [];
    const start = this.readyEndValue;
    let count = 0;
    for (const segment of early) {
      if (segment.start !== this.readyEndValue) break;
      this.readyEndValue = segment.end;
      if (this.isQueueing) {
        this.enqueue(segment);
      } else {
        this.first = contentOf(segment);
        this.firstMemoryBytes = memoryOf(segment);
      }
      count++;
    }
    early.splice(0, count);
    const taken = this.readyEndValue - start;
    this.earlyBytes -= taken;
    this.memory.onEarly(-count, -taken);
  }

  private segmentOf(start: number, data: Uint8Array, isCopy: boolean): Segment {
    const segment = { start, end: start + data.length, bytes: isCopy ? new Uint8Array(data) : data, isCopy };
    this.hold(memoryOf(segment), data.length);
    return segment;
  }

  /** Copies `data` to the end of a segment that is our own copy. False when it is not, or would become too large. */
  private gather(segment: Segment, data: Uint8Array): boolean {
    if (!segment.isCopy) return false;
    const content = segment.end - segment.start;
    const needed = content + data.length;
    if (needed > GATHERED_BYTES) return false;
    const before = segment.bytes.length;
    if (needed > before) {
      const larger = new Uint8Array(Math.min(needed * 2, GATHERED_BYTES));
      larger.set(contentOf(segment));
      segment.bytes = larger;
    }
    segment.bytes.set(data, content);
    segment.end += data.length;
    this.hold(segment.bytes.length - before, data.length);
    return true;
  }

  private hold(memoryBytes: number, contentBytes: number): void {
    this.memoryBytes += memoryBytes;
    this.memory.hold(memoryBytes, contentBytes);
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

function contentOf(segment: Segment): Uint8Array {
  const length = segment.end - segment.start;
  return length === segment.bytes.length ? segment.bytes : segment.bytes.subarray(0, length);
}

/** A view holds all that it is a view of; of copies each has its own. */
function memoryOf({ bytes, isCopy }: Segment): number {
  return isCopy ? bytes.length : bytes.buffer.byteLength;
}

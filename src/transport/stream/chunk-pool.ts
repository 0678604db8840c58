/**
 * Memory for what was written and is not yet acknowledged, in chunks of a few sizes that are used again and again: a
 * small call takes a small chunk, a bulk writer large ones. What is free is bounded, so a burst gives its memory back.
 * Only the send side takes from here; memory that reaches a user never does.
 */
import { assert } from '../../base/assert.js';
import { type BufferBudget } from './buffer-budget.js';

/** A stretch of one stream's bytes. Linked, because a stream has few and they leave in order. */
export interface Chunk {
  readonly bytes: Uint8Array;
  /** Stream offset of the first byte. */
  start: number;
  /** Bytes filled. */
  used: number;
  next: Chunk | undefined;
}

/** A quarter of the next: a small call fits the first, a 64 KiB piece of an image the last. */
const CHUNK_BYTES = [256, 1_024, 4_096, 16_384, 65_536] as const;

export const LARGEST_CHUNK_BYTES = 65_536;

/** What a connection with a full 1 MiB stream in each direction uses again at once, with room to spare. */
const DEFAULT_MAX_FREE_BYTES = 4 << 20;

export class ChunkPool {
  private readonly budget: BufferBudget;
  private readonly maxFreeBytes: number;
  private readonly free: (Chunk | undefined)[] = CHUNK_BYTES.map(() => undefined);
  private freeTotal = 0;
  private usedTotal = 0;

  /** `budget` is told of what is out, not of what is kept for the next. */
  constructor(budget: BufferBudget, maxFreeBytes = DEFAULT_MAX_FREE_BYTES) {
    this.budget = budget;
    this.maxFreeBytes = maxFreeBytes;
  }

  /** Memory kept for the next. */
  get freeBytes(): number {
    return this.freeTotal;
  }

  /** Memory that is out: 0 when every stream has let go of its own. */
  get usedBytes(): number {
    return this.usedTotal;
  }

  /** An empty chunk of at least `bytes`, or of the largest size when that is less. */
  acquire(bytes: number, start: number): Chunk {
    const index = sizeIndex(bytes);
    const size = CHUNK_BYTES[index] as number;
    this.usedTotal += size;
    this.budget.hold(size);
    const chunk = this.free[index];
    if (chunk === undefined) return { bytes: new Uint8Array(size), start, used: 0, next: undefined };
    this.free[index] = chunk.next;
    this.freeTotal -= size;
    chunk.start = start;
    chunk.used = 0;
    chunk.next = undefined;
    return chunk;
  }

  /** The chunk must not be touched any more by who had it. */
  release(chunk: Chunk): void {
    const size = chunk.bytes.length;
    this.usedTotal -= size;
    assert(this.usedTotal >= 0, 'a chunk is released once');
    chunk.next = undefined;
    if (this.freeTotal + size <= this.maxFreeBytes) {
      const index = sizeIndex(size);
      chunk.next = this.free[index];
      this.free[index] = chunk;
      this.freeTotal += size;
    }
    this.budget.release(size);
  }
}

function sizeIndex(bytes: number): number {
  let index = 0;
  while (index < CHUNK_BYTES.length - 1 && (CHUNK_BYTES[index] as number) < bytes) index++;
  return index;
}

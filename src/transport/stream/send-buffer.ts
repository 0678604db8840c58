/**
 * The bytes of one stream from `base` to `end`: written by the application, not yet acknowledged. They are copied
 * exactly once, here, before the writing call returns, so the writer may use its array again at once and a
 * retransmission sends what was written. Which of them were sent, lost or acknowledged is SendStream's to know.
 */
import { assert } from '../../base/assert.js';
import { LARGEST_CHUNK_BYTES, type Chunk, type ChunkPool } from './chunk-pool.js';
import { copyBytes } from './copy-bytes.js';

export class SendBuffer {
  private readonly pool: ChunkPool;
  private head: Chunk | undefined;
  private tail: Chunk | undefined;
  /** The chunk that was read last: the next read is nearly always in it or behind it. */
  private cursor: Chunk | undefined;
  private baseOffset = 0;
  private endOffset = 0;

  constructor(pool: ChunkPool) {
    this.pool = pool;
  }

  /** Everything below was let go. */
  get base(): number {
    return this.baseOffset;
  }

  /** Bytes written so far. */
  get end(): number {
    return this.endOffset;
  }

  get heldBytes(): number {
    return this.endOffset - this.baseOffset;
  }

  /** Copies the first `length` bytes of `pieces` behind what is there. */
  append(pieces: readonly Uint8Array[], length: number): void {
    let missing = length;
    for (const piece of pieces) {
      if (missing === 0) return;
      const taken = Math.min(piece.length, missing);
      this.appendPiece(piece, taken, missing);
      missing -= taken;
    }
    assert(missing === 0, 'pieces have as many bytes as are taken');
  }

  /** Copies [offset, offset + length) to `target` at `position`. */
  copyTo(target: Uint8Array, position: number, offset: number, length: number): void {
    assert(offset >= this.baseOffset && offset + length <= this.endOffset, 'only what is held is read');
    if (length === 0) return;
    let chunk = this.cursor;
    if (chunk === undefined || offset < chunk.start) chunk = this.head;
    let done = 0;
    while (chunk !== undefined) {
      const from = offset + done - chunk.start;
      const count = Math.min(length - done, chunk.used - from);
      if (count > 0) {
        copyBytes(chunk.bytes, from, count, target, position + done);
        done += count;
        this.cursor = chunk;
        if (done === length) return;
      }
      chunk = chunk.next;
    }
    assert(false, 'what is held is in a chunk');
  }

  /** Lets go of everything below `offset`. Returns how many bytes that were. */
  releaseTo(offset: number): number {
    const released = offset - this.baseOffset;
    assert(released >= 0 && offset <= this.endOffset, 'what is let go was held');
    this.baseOffset = offset;
    let chunk = this.head;
    while (chunk !== undefined && chunk.start + chunk.used <= offset) {
      const next: Chunk | undefined = chunk.next;
      if (chunk === this.cursor) this.cursor = undefined;
      this.pool.release(chunk);
      chunk = next;
    }
    this.head = chunk;
    if (chunk === undefined) this.tail = undefined;
    return released;
  }

  /** Lets go of everything. Returns how many bytes that were. */
  clear(): number {
    return this.releaseTo(this.endOffset);
  }

  /** `missing` counts what is still to come in this write, this piece included: it sizes the next chunk. */
  private appendPiece(piece: Uint8Array, length: number, missing: number): void {
    let done = 0;
    while (done < length) {
      let { tail } = this;
      if (tail === undefined || tail.used === tail.bytes.length) tail = this.addChunk(missing - done);
      const count = Math.min(length - done, tail.bytes.length - tail.used);
      copyBytes(piece, done, count, tail.bytes, tail.used);
      tail.used += count;
      done += count;
      this.endOffset += count;
    }
  }

  /** Sized for what is there to write, and growing while a stream goes on writing little by little. */
  private addChunk(bytes: number): Chunk {
    const { tail } = this;
    const grown = tail === undefined ? 0 : Math.min(tail.bytes.length * 4, LARGEST_CHUNK_BYTES);
    const chunk = this.pool.acquire(Math.max(bytes, grown), this.endOffset);
    if (tail === undefined) this.head = chunk;
    else tail.next = chunk;
    this.tail = chunk;
    return chunk;
  }
}

/**
 * Parts of files, from memory where they were read before or along with others: a trip to the file system costs more than
 * sending a datagram. What is kept belongs to one version of a file (etag) and is given for that version only: a block is, once
 * the file was found unchanged after it was read. Until then, and of what is read from the file itself, that is for the caller to
 * ask. Of a file that was changed just now nothing is kept.
 */
import { type OpenFile } from './open-files.js';

interface Block {
  readonly key: string;
  /** What it takes, its own administration included. */
  readonly costBytes: number;
  readonly loading: Promise<Uint8Array>;
  /** When they are there, and certainly of this version. */
  bytes: Uint8Array | undefined;
}

export class BlockCache {
  readonly #maxBytes: number;
  /** By version and place, in the order of their last use. */
  readonly #blocks = new Map<string, Block>();
  /** By version: where its last readers stopped. In the order of their last use. */
  readonly #ends = new Map<string, number[]>();
  #heldBytes = 0;

  /** 0: nothing is kept. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * Not to be changed: other parts may share its memory. Fewer bytes than `length` only when the file has shrunk. What is given
   * at once is of the file's version; whether a promise is must be asked of the file when it has resolved.
   */
  read(file: OpenFile, offset: number, length: number): Uint8Array | Promise<Uint8Array> {
    const start = Math.floor(offset / BLOCK_BYTES) * BLOCK_BYTES;
    const isInOneBlock = offset + length <= start + BLOCK_BYTES;
    const block = isInOneBlock && file.isSettled ? this.#blockAt(file, start, offset, length) : undefined;
    if (block === undefined) return readPart(file, offset, length);
    const from = offset - start;
    if (block.bytes !== undefined) return partOf(block.bytes, from, length);
    return block.loading.then((bytes) => partOf(bytes, from, length));
  }

  #blockAt(file: OpenFile, start: number, offset: number, length: number): Block | undefined {
    const goesOn = this.#noteReader(file.etag, offset, length);
    const key = `${file.etag}:${start}`;
    const block = this.#blocks.get(key);
    if (block !== undefined) {
      this.#blocks.delete(key);
      this.#blocks.set(key, block);
      return block;
    }
    const blockBytes = Math.min(BLOCK_BYTES, file.sizeBytes - start);
    // Nobody can make a server read far more than is sent.
    const isWorthIt = goesOn && blockBytes <= MAX_PARTS_READ * length && blockBytes <= this.#maxBytes;
    return isWorthIt ? this.#load(file, key, start, blockBytes) : undefined;
  }

  #load(file: OpenFile, key: string, start: number, length: number): Block {
    const loading = readPart(file, start, length);
    const block: Block = { key, costBytes: length + BLOCK_OVERHEAD_BYTES, loading, bytes: undefined };
    this.#blocks.set(key, block);
    this.#heldBytes += block.costBytes;
    for (const oldest of this.#blocks.values()) {
      if (this.#heldBytes <= this.#maxBytes) break;
      this.#drop(oldest);
    }
    // Whoever waits for it meets the error; who comes later reads anew.
    void this.#prove(file, block).catch(() => {
      this.#drop(block);
    });
    return block;
  }

  async #prove(file: OpenFile, block: Block): Promise<void> {
    const bytes = await block.loading;
    if (await file.isUnchanged()) block.bytes = bytes;
    else this.#drop(block);
  }

  #drop(block: Block): void {
    if (this.#blocks.get(block.key) !== block) return;
    this.#blocks.delete(block.key);
    this.#heldBytes -= block.costBytes;
  }

  /** Whether the part begins the file, or goes on where a reader stopped. */
  #noteReader(etag: string, offset: number, length: number): boolean {
    const ends = this.#ends.get(etag) ?? [];
    const reader = ends.indexOf(offset);
    if (reader >= 0) ends.splice(reader, 1);
    if (ends.length === MAX_READERS) ends.shift();
    ends.push(offset + length);
    this.#ends.delete(etag);
    this.#ends.set(etag, ends);
    const [oldest] = this.#ends.keys();
    if (this.#ends.size > MAX_VERSIONS && oldest !== undefined) this.#ends.delete(oldest);
    return reader >= 0 || offset === 0;
  }
}

function partOf({ buffer, byteLength }: Uint8Array, from: number, length: number): Uint8Array {
  const start = Math.min(from, byteLength);
  return new Uint8Array(buffer, start, Math.min(length, byteLength - start));
}

async function readPart(file: OpenFile, offset: number, length: number): Promise<Uint8Array> {
  // Not zeroed first, not from the pool, and a plain array: decoders give views of it.
  const data = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.handle.read(data, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled === length ? data : data.slice(0, filled);
}

/** Eight parts as `fetchImage` asks for them. */
const BLOCK_BYTES = 8 * 61_440;
/** A block is read for a part of it that is no smaller than the 16th part. */
const MAX_PARTS_READ = 16;
/** Of one version, at a time. */
const MAX_READERS = 8;
/** Whose readers are known. */
const MAX_VERSIONS = 1_024;
/** Of a block beside its bytes: of a million tiny images it is most. */
const BLOCK_OVERHEAD_BYTES = 1_024;

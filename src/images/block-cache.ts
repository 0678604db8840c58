/**
 * Parts of files, from memory where they were read before or along with others: a trip to the file system costs more than
 * sending a datagram. What is kept belongs to one version of a file (etag) and is given for that version only; whether a file
 * still is of that version is for the caller to ask after the read, here as with the file itself. Of a file that was changed
 * just now nothing is kept.
 */
import { type OpenFile } from './open-files.js';

interface Version {
  readonly etag: string;
  /** By their place in the file, in blocks. */
  readonly blocks: Map<number, Block>;
  /** Where the last readers stopped. */
  readonly ends: number[];
}

interface Block {
  readonly version: Version;
  readonly index: number;
  readonly length: number;
  readonly bytes: Promise<Uint8Array>;
}

export class BlockCache {
  readonly #maxBytes: number;
  readonly #versions = new Map<string, Version>();
  /** In the order of their last use, the oldest first. */
  readonly #blocks = new Set<Block>();
  #heldBytes = 0;

  /** 0: nothing is kept. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Not to be changed: other parts may share its memory. Fewer bytes than `length` only when the file has shrunk. */
  async read(file: OpenFile, offset: number, length: number): Promise<Uint8Array> {
    const start = Math.floor(offset / BLOCK_BYTES) * BLOCK_BYTES;
    const isInOneBlock = offset + length <= start + BLOCK_BYTES;
    const block = isInOneBlock && file.isSettled ? this.#blockAt(file, start, offset, length) : undefined;
    if (block === undefined) return readPart(file, offset, length);
    const { buffer, byteLength } = await block.bytes;
    const from = Math.min(offset - start, byteLength);
    return new Uint8Array(buffer, from, Math.min(length, byteLength - from));
  }

  /** The file is of another version now, and what was read meanwhile may be of both. */
  forget({ etag }: OpenFile): void {
    for (const block of this.#versions.get(etag)?.blocks.values() ?? []) this.#drop(block);
  }

  #blockAt(file: OpenFile, start: number, offset: number, length: number): Block | undefined {
    const version: Version = this.#versions.get(file.etag) ?? {
      etag: file.etag,
      blocks: new Map(),
      ends: [],
    };
    const goesOn = noteReader(version, offset, length);
    let block = version.blocks.get(start);
    if (block === undefined) {
      const blockBytes = Math.min(BLOCK_BYTES, file.sizeBytes - start);
      // Nobody can make a server read far more than is sent.
      const isWorthIt = goesOn && blockBytes <= MAX_PARTS_READ * length && blockBytes <= this.#maxBytes;
      if (!isWorthIt) {
        this.#remember(version);
        return undefined;
      }
      block = this.#load(file, version, start, blockBytes);
    }
    this.#blocks.delete(block);
    this.#blocks.add(block);
    return block;
  }

  #load(file: OpenFile, version: Version, start: number, length: number): Block {
    const bytes = readPart(file, start, length);
    const block = { version, index: start, length, bytes };
    this.#remember(version);
    version.blocks.set(start, block);
    this.#heldBytes += length;
    for (const oldest of this.#blocks) {
      if (this.#heldBytes <= this.#maxBytes) break;
      this.#drop(oldest);
    }
    // Whoever waits for it meets the error; who comes later reads anew.
    bytes.catch(() => {
      this.#drop(block);
    });
    return block;
  }

  /** Versions of which nothing is kept are forgotten when there are many. */
  #remember(version: Version): void {
    if (this.#versions.has(version.etag)) return;
    for (const other of this.#versions.values()) {
      if (this.#versions.size < MAX_VERSIONS) break;
      if (other.blocks.size === 0) this.#versions.delete(other.etag);
    }
    this.#versions.set(version.etag, version);
  }

  #drop(block: Block): void {
    const { blocks } = block.version;
    if (blocks.get(block.index) !== block) return;
    blocks.delete(block.index);
    this.#blocks.delete(block);
    this.#heldBytes -= block.length;
  }
}

/** Whether the part begins the file, or goes on where a reader stopped. */
function noteReader({ ends }: Version, offset: number, length: number): boolean {
  const reader = ends.indexOf(offset);
  if (reader >= 0) ends.splice(reader, 1);
  if (ends.length === MAX_READERS) ends.shift();
  ends.push(offset + length);
  return reader >= 0 || offset === 0;
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
/** Of which nothing is kept but who reads them. */
const MAX_VERSIONS = 1_024;

/**
 * What is known of a file only by reading all of it: SHA-256, Fletcher-32 and the header's facts, in one pass. Remembered by
 * etag, so a file is read once for as long as it stays the same, and callers who ask at the same time share one pass.
 * A pass goes on when its callers leave: the next one who asks gets the answer.
 */
import { createHash } from 'node:crypto';
import { Fletcher32 } from './fletcher32.js';
import { Gate } from './gate.js';
import { type ImageHeader, MAX_HEADER_BYTES, readImageHeader } from './image-header.js';
import { type OpenFile } from './open-files.js';

export interface FileDigest {
  readonly header: ImageHeader;
  readonly sha256: Uint8Array;
  readonly fletcher32: number;
}

export class FileDigests {
  readonly #maxEntries: number;
  /** In the order of their last use, the oldest first. */
  readonly #known = new Map<string, FileDigest>();
  readonly #running = new Map<string, Promise<FileDigest>>();
  readonly #gate = new Gate(2, 1_000);
  #passCount = 0;

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  /** How many files were read so far. */
  get passCount(): number {
    return this.#passCount;
  }

  /** The caller checks afterwards that the file is still the version it was opened as. */
  async of(file: OpenFile): Promise<FileDigest> {
    const known = this.#known.get(file.etag);
    if (known !== undefined) {
      this.#remember(file.etag, known);
      return known;
    }
    const running = this.#running.get(file.etag);
    if (running !== undefined) return running;
    const pass = this.#gate.run(() => this.#read(file)).finally(() => this.#running.delete(file.etag));
    this.#running.set(file.etag, pass);
    return pass;
  }

  async #read(file: OpenFile): Promise<FileDigest> {
    this.#passCount++;
    // Young files are read again.
    const { isSettled } = file;
    const digest = await readDigest(file);
    const after = await file.handle.stat({ bigint: true });
    if (isSettled && after.ctimeNs === file.stats.ctimeNs && after.size === file.stats.size) {
      this.#remember(file.etag, digest);
    }
    return digest;
  }

  #remember(etag: string, digest: FileDigest): void {
    this.#known.delete(etag);
    this.#known.set(etag, digest);
    if (this.#known.size <= this.#maxEntries) return;
    const oldest = this.#known.keys().next();
    if (oldest.done !== true) this.#known.delete(oldest.value);
  }
}

/** A quarter of a megabyte takes under 1 ms of hashing, so the event loop goes on between two reads. */
const SLICE_BYTES = 256 * 1_024;

async function readDigest(file: OpenFile): Promise<FileDigest> {
  const sha256 = createHash('sha256');
  const fletcher32 = new Fletcher32();
  const head = new Uint8Array(Math.min(MAX_HEADER_BYTES, file.sizeBytes));
  const slice = new Uint8Array(Math.max(1, Math.min(SLICE_BYTES, file.sizeBytes)));
  let position = 0;
  while (position < file.sizeBytes) {
    const { bytesRead } = await file.handle.read(slice, 0, slice.length, position);
    if (bytesRead === 0) break;
    const bytes = slice.subarray(0, bytesRead);
    if (position < head.length) head.set(bytes.subarray(0, head.length - position), position);
    sha256.update(bytes);
    fletcher32.update(bytes);
    position += bytesRead;
  }
  return {
    header: readImageHeader(head.subarray(0, Math.min(position, head.length))),
    sha256: new Uint8Array(sha256.digest()),
    fletcher32: fletcher32.digest(),
  };
}

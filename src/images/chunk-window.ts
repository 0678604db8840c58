/**
 * Fetches one version of one image by many `getChunk` calls at a time. Chunks arrive in any order; each is written to its
 * place at once and hashed when its turn comes, so nothing is read back and only what is ahead of its turn is held in memory;
 * then its memory is given back.
 * How much is asked for at a time is the business of AskBudget.
 */
import { createHash } from 'node:crypto';
import { freeBytes, Status } from '../index.js';
import { type GetChunkResponse } from '../../generated/image/v1/image.js';
import { AskBudget } from './ask-budget.js';
import { FetchError, ImageChanged } from './fetch-error.js';
import { type ImageClient } from './image-client.js';
import { quoteName } from './image-name.js';
import { type PartialFile } from './partial-file.js';

export interface ChunkWindowOptions {
  readonly client: ImageClient;
  readonly name: string;
  readonly etag: string;
  readonly totalBytes: number;
  readonly chunkBytes: number;
  readonly maxCalls: number;
  readonly file: PartialFile;
  /** Ends all calls; whoever aborts it has the reason. */
  readonly signal: AbortSignal;
  readonly timeoutMs?: number | undefined;
  /** When the first chunk was asked for, on `performance.now()`. */
  readonly startedAt: number;
  readonly onProgress: (receivedBytes: number) => void;
}

export class ChunkWindow {
  readonly #options: ChunkWindowOptions;
  readonly #budget: AskBudget;
  readonly #hash = createHash('sha256');
  readonly #calls = new Set<Promise<void>>();
  /** Written chunks that wait for their turn to be hashed, by offset. */
  readonly #early = new Map<number, Uint8Array>();
  #nextOffset = 0;
  #hashedBytes = 0;
  #receivedBytes = 0;
  #inFlightBytes = 0;

  constructor(options: ChunkWindowOptions) {
    this.#options = options;
    this.#budget = new AskBudget(options.maxCalls * options.chunkBytes);
  }

  /** `first` was asked for before anything was known of the image. Resolves to the SHA-256 of all of it. */
  async run(first: Promise<Uint8Array>, firstLength: number): Promise<Uint8Array> {
    const { totalBytes, signal, startedAt } = this.#options;
    this.#nextOffset = firstLength;
    this.#follow(
      first.then((data) => this.#take(data, 0)),
      firstLength,
      startedAt,
    );
    while (this.#hashedBytes < totalBytes || this.#calls.size > 0) {
      signal.throwIfAborted();
      while (this.#mayAsk()) this.#ask();
      await Promise.race(this.#calls);
    }
    return new Uint8Array(this.#hash.digest());
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** Resolves when no call and no write is running any more, however they ended. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#calls);
  }

  #mayAsk(): boolean {
    const { totalBytes, chunkBytes, maxCalls } = this.#options;
    if (this.#nextOffset >= totalBytes || this.#calls.size >= maxCalls) return false;
    // One slow chunk must not let the others pile up behind it.
    if (this.#nextOffset - this.#hashedBytes >= MAX_AHEAD_WINDOWS * maxCalls * chunkBytes) return false;
    return this.#calls.size === 0 || this.#inFlightBytes < this.#budget.bytes;
  }

  #ask(): void {
    const { totalBytes, chunkBytes } = this.#options;
    const offset = this.#nextOffset;
    const length = Math.min(this.#budget.chunkBytes(chunkBytes), totalBytes - offset);
    this.#nextOffset += length;
    this.#follow(this.#fetch(offset, length), length, performance.now());
  }

  #follow(taken: Promise<void>, length: number, askedAt: number): void {
    this.#inFlightBytes += length;
    const call = taken.then(() => {
      // A failed one stays, so that `run` meets its error.
      this.#calls.delete(call);
      this.#inFlightBytes -= length;
      this.#budget.onChunk(length, askedAt, performance.now());
    });
    this.#calls.add(call);
  }

  async #fetch(offset: number, length: number): Promise<void> {
    const { client, name, etag, signal, timeoutMs } = this.#options;
    const response = await client.getChunk(
      { name, offset: BigInt(offset), length, ifMatch: etag },
      timeoutMs === undefined ? { signal } : { signal, timeoutMs },
    );
    checkChunk(response, { name, etag, totalBytes: this.#options.totalBytes, length });
    await this.#take(response.data, offset);
  }

  async #take(data: Uint8Array, offset: number): Promise<void> {
    await this.#options.file.writeAt(data, offset);
    this.#receivedBytes += data.length;
    this.#options.onProgress(this.#receivedBytes);
    this.#early.set(offset, data);
    for (;;) {
      const next = this.#early.get(this.#hashedBytes);
      if (next === undefined || next.length === 0) return;
      this.#early.delete(this.#hashedBytes);
      this.#hash.update(next);
      this.#hashedBytes += next.length;
      freeBytes(next);
    }
  }
}

/** A server's answer is believed only when it is the one that was asked for. */
export function checkChunk(
  response: GetChunkResponse,
  expected: { name: string; etag: string; totalBytes: number; length: number },
): void {
  const { name, etag, totalBytes, length } = expected;
  if (response.etag !== etag || response.totalSize !== BigInt(totalBytes)) {
    throw new ImageChanged(name, 'a chunk is of another version');
  }
  if (response.data.length !== length) {
    throw new FetchError(
      Status.DATA_LOSS,
      `the server sent ${response.data.length} bytes of ${quoteName(name)} where ${length} were asked for`,
    );
  }
}

/** Chunks that wait for an earlier one take at most so many windows of memory. */
const MAX_AHEAD_WINDOWS = 2;

/**
 * Fetches whole images into a directory, safely: the bytes are of one version, their SHA-256 is the server's, and the final
 * name appears only when both are certain. The description and the first chunk are asked for in the same moment, so a small
 * image costs one round trip. When the image changes meanwhile the fetch starts again, twice at most.
 */
import { setMaxListeners } from 'node:events';
import { Status } from '../index.js';
import { type GetMetaResponse } from '../../generated/image/v1/image.js';
import { checkChunk, ChunkWindow } from './chunk-window.js';
import { FetchError, ImageChanged } from './fetch-error.js';
import { type ImageCallOptions, type ImageClient } from './image-client.js';
import { localNameProblem, quoteName } from './image-name.js';
import { PartialFile } from './partial-file.js';

/** How `fetchImage` fetches, and where to. */
export interface FetchOptions {
  /** Where images go; made when it does not exist. Default: the working directory. */
  readonly directory?: string | undefined;
  /** Aborting it ends the fetch with the signal's reason and leaves nothing behind. */
  readonly signal?: AbortSignal | undefined;
  /** For each call. Default: the client's. */
  readonly timeoutMs?: number | undefined;
  /**
   * The most that one call asks for, at most 1 MiB; slow links get less. Default 61,440 (on loopback one datagram), and twice
   * that for the first call.
   */
  readonly chunkBytes?: number | undefined;
  /** Calls at a time. Default 64; with their chunks they decide the memory: 2 x maxCalls x chunkBytes at most. */
  readonly maxCalls?: number | undefined;
  /** How often a fetch starts again because the image changed. Default 2. */
  readonly maxRestarts?: number | undefined;
  /** Told with each chunk that has come. */
  readonly onProgress?: ((progress: FetchProgress) => void) | undefined;
}

/** How far a fetch is. */
export interface FetchProgress {
  readonly name: string;
  /** Back at 0 when the fetch starts again. */
  readonly receivedBytes: number;
  readonly totalBytes: number;
}

/** An image that is on the disk, complete and verified. */
export interface FetchedImage {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly seconds: number;
  readonly sha256: Uint8Array;
}

/**
 * Throws what the calls throw (NOT_FOUND, UNAVAILABLE, ...), a FetchError for what is wrong at this side or with the answers,
 * and the signal's reason. In each of these cases nothing is left on the disk. The memory of a chunk is given back once it is
 * written: middleware of `client` must not keep its `data`.
 */
export async function fetchImage(
  client: ImageClient,
  name: string,
  options: FetchOptions = {},
): Promise<FetchedImage> {
  const problem = localNameProblem(name);
  if (problem !== undefined) {
    throw new FetchError(Status.INVALID_ARGUMENT, `${quoteName(name)} is not a name of an image: ${problem}`);
  }
  const startedAt = performance.now();
  const maxRestarts = options.maxRestarts ?? 2;
  for (let restartCount = 0; ; restartCount++) {
    options.signal?.throwIfAborted();
    try {
      const fetched = await fetchVersion(client, name, options);
      return { ...fetched, name, seconds: (performance.now() - startedAt) / 1_000 };
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!isChange(error)) throw error;
      if (restartCount >= maxRestarts) throw keepsChanging(name, restartCount + 1, error);
    }
  }
}

/** One attempt at one version. All its calls have ended when it returns or throws. */
async function fetchVersion(
  client: ImageClient,
  name: string,
  options: FetchOptions,
): Promise<Omit<FetchedImage, 'name' | 'seconds'>> {
  const { directory = '.', chunkBytes = DEFAULT_CHUNK_BYTES, maxCalls = DEFAULT_CALLS, timeoutMs } = options;
  const firstBytes = Math.min(options.chunkBytes ?? FIRST_CHUNK_BYTES, FIRST_CHUNK_BYTES);
  const ending = new AbortController();
  const signal =
    options.signal === undefined ? ending.signal : AbortSignal.any([options.signal, ending.signal]);
  // One listener a call: that many are no leak.
  setMaxListeners(maxCalls + 2, signal);
  const callOptions = timeoutMs === undefined ? { signal } : { signal, timeoutMs };
  let file: PartialFile | undefined;
  let window: ChunkWindow | undefined;
  const startedAt = performance.now();
  const description = describe(client, name, callOptions, () => window?.receivedBytes ?? 0);
  const firstChunk = client.getChunk({ name, offset: 0n, length: firstBytes }, callOptions);
  // The failure of one is met where both are awaited; that of the other does not matter any more.
  description.catch(() => undefined);
  firstChunk.catch(() => undefined);
  try {
    // Whichever comes first tells what there is to ask for. Mostly the description: it is small.
    const { etag, totalBytes } = await Promise.race([
      firstChunk.then((chunk) => ({ etag: chunk.etag, totalBytes: sizeOf(chunk.totalSize, name) })),
      description.then((described) => ({ etag: described.etag, totalBytes: sizeOf(described.size, name) })),
    ]);
    file = await PartialFile.create(directory, name);
    const onProgress = (receivedBytes: number): void =>
      options.onProgress?.({ name, receivedBytes, totalBytes });
    const version = { client, name, etag, totalBytes, chunkBytes, maxCalls, file, signal, timeoutMs };
    window = new ChunkWindow({ ...version, startedAt, onProgress });
    const checked = description.then((described) => {
      if (described.etag !== etag) throw new ImageChanged(name, 'its description is of another version');
      return described.sha256;
    });
    const length = Math.min(firstBytes, totalBytes);
    const first = firstChunk.then((chunk) => {
      checkChunk(chunk, { name, etag, totalBytes, length });
      return chunk.data;
    });
    const [received, promised] = await Promise.all([window.run(first, length), checked]);
    if (Buffer.compare(received, promised) !== 0) {
      throw new ImageChanged(name, 'the SHA-256 of what arrived is not the one that the server gave');
    }
    signal.throwIfAborted();
    await file.commit();
    return { path: file.finalPath, bytes: totalBytes, sha256: received };
  } finally {
    ending.abort(new Error('the fetch has ended'));
    await window?.settled();
    await file?.discard();
  }
}

/**
 * A server reads the whole file for its first description, which may take longer than one call may; it goes on when the call
 * has ended. So a deadline is met by asking again, for as long as bytes arrive meanwhile.
 */
async function describe(
  client: ImageClient,
  name: string,
  callOptions: ImageCallOptions,
  receivedBytes: () => number,
): Promise<GetMetaResponse> {
  for (;;) {
    const receivedBefore = receivedBytes();
    try {
      return await client.getMeta({ name }, callOptions);
    } catch (error) {
      if (codeOf(error) !== Status.DEADLINE_EXCEEDED || receivedBytes() === receivedBefore) throw error;
    }
  }
}

function sizeOf(size: bigint, name: string): number {
  if (size <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(size);
  throw new FetchError(Status.OUT_OF_RANGE, `${quoteName(name)} is larger than any file can be`);
}

/** What a server says when `if_match` does not hold any more, and what this side finds out by itself. */
function isChange(error: unknown): boolean {
  if (error instanceof FetchError) return error instanceof ImageChanged;
  const code = codeOf(error);
  return code === Status.FAILED_PRECONDITION || code === Status.ABORTED;
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

function keepsChanging(name: string, attempts: number, cause: unknown): FetchError {
  const last = hasDetails(cause) ? `: ${cause.details}` : '';
  return new FetchError(
    Status.ABORTED,
    `${quoteName(name)} changed in each of ${attempts} attempts to fetch it${last}`,
    cause,
  );
}

function hasDetails(error: unknown): error is { details: string } {
  return (
    typeof error === 'object' && error !== null && 'details' in error && typeof error.details === 'string'
  );
}

/**
 * A chunk, and what goes with it, fits the largest datagram: where the path carries such ones, it needs not be put together.
 * On other paths its own cost does not show either, and many images are one or two of them.
 */
const DEFAULT_CHUNK_BYTES = 61_440;

/** What is asked for before anything is known of the image; more of it follows as soon as its size is known. */
const FIRST_CHUNK_BYTES = 2 * DEFAULT_CHUNK_BYTES;

const DEFAULT_CALLS = 64;

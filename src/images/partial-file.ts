/**
 * A file that is being received. Until all of it is there and verified it has a name of its own beside the final one
 * (`.cat.jpg.partial-3f9c...`), so nobody ever sees half an image; then it takes the final name in one step. Not fsynced:
 * after a power cut an image may have to be fetched again, and fetching is not made slower for that.
 */
import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { Status } from '../index.js';
import { FetchError, writeError } from './fetch-error.js';
import { systemErrorCode } from './file-error.js';
import { localNameProblem, quoteName } from './image-name.js';

interface WaitingPart {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class PartialFile {
  /** Where the file will be. */
  readonly finalPath: string;
  readonly #path: string;
  readonly #handle: FileHandle;
  #isOpen = true;
  #isCommitted = false;
  #isWriting = false;
  readonly #waiting: WaitingPart[] = [];

  private constructor(finalPath: string, path: string, handle: FileHandle) {
    this.finalPath = finalPath;
    this.#path = path;
    this.#handle = handle;
  }

  /** Makes the directories on the way. Throws FetchError; never leaves `directory`, whatever `name` is. */
  static async create(directory: string, name: string): Promise<PartialFile> {
    const problem = localNameProblem(name);
    if (problem !== undefined) {
      throw new FetchError(
        Status.INVALID_ARGUMENT,
        `${quoteName(name)} cannot be a file's name here: ${problem}`,
      );
    }
    const finalPath = join(directory, name);
    try {
      const parent = await makeParent(directory, name);
      const path = join(parent, partialName(basename(name)));
      return new PartialFile(finalPath, path, await open(path, 'wx'));
    } catch (error) {
      throw writeError(error, finalPath);
    }
  }

  /** Resolves when they are written. Neighbours that wait at the same time are written together: a write costs a trip. */
  async writeAt(bytes: Uint8Array, offset: number): Promise<void> {
    if (bytes.length === 0) return;
    const written = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ bytes, offset, resolve, reject });
    });
    if (!this.#isWriting) void this.#writeWaiting();
    await written;
  }

  async #writeWaiting(): Promise<void> {
    this.#isWriting = true;
    while (this.#waiting.length > 0) {
      const run = this.#takeRun();
      try {
        await this.#writeRun(
          run.map(({ bytes }) => bytes),
          run[0]?.offset ?? 0,
        );
        for (const { resolve } of run) resolve();
      } catch (error) {
        for (const { reject } of run) reject(writeError(error, this.finalPath));
      }
    }
    this.#isWriting = false;
  }

  /** The first that waits in the file's order, and those that follow it without a gap. */
  #takeRun(): WaitingPart[] {
    this.#waiting.sort((one, other) => one.offset - other.offset);
    const [first] = this.#waiting;
    let end = first?.offset ?? 0;
    let count = 0;
    for (const { offset, bytes } of this.#waiting) {
      if (offset !== end) break;
      end += bytes.length;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #writeRun(parts: readonly Uint8Array[], offset: number): Promise<void> {
    const { bytesWritten } = await this.#handle.writev(parts, offset);
    const rest = restOf(parts, bytesWritten);
    if (rest.length > 0) await this.#writeRun(rest, offset + bytesWritten);
  }

  /** Gives the file its final name; what had that name before is replaced. */
  async commit(): Promise<void> {
    try {
      await this.#close();
      await rename(this.#path, join(dirname(this.#path), basename(this.finalPath)));
      this.#isCommitted = true;
    } catch (error) {
      throw writeError(error, this.finalPath);
    }
  }

  /** Removes the file unless it has its final name. Never throws; no write may be running. */
  async discard(): Promise<void> {
    if (this.#isCommitted) return;
    await this.#close().catch(() => undefined);
    await rm(this.#path, { force: true }).catch(() => undefined);
  }

  async #close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#handle.close();
  }
}

/** What a write that stopped early has left. */
function restOf(parts: readonly Uint8Array[], writtenBytes: number): Uint8Array[] {
  let skip = writtenBytes;
  return parts.flatMap((part) => {
    const skipped = Math.min(skip, part.length);
    skip -= skipped;
    return skipped === part.length ? [] : [part.subarray(skipped)];
  });
}

/** The directory of `name` below `directory`, without links. One level at a time: a link on the way may lead out. */
async function makeParent(directory: string, name: string): Promise<string> {
  await mkdir(directory, { recursive: true });
  const root = await realpath(directory);
  const inside = root.endsWith(sep) ? root : root + sep;
  let parent = root;
  for (const segment of name.split('/').slice(0, -1)) {
    const next = join(parent, segment);
    await mkdir(next).catch((error: unknown) => {
      if (systemErrorCode(error) !== 'EEXIST') throw error;
    });
    parent = await realpath(next);
    if (parent !== root && !parent.startsWith(inside)) {
      const path = join(directory, name);
      throw new FetchError(
        Status.FAILED_PRECONDITION,
        `cannot write ${path}: a link leads out of ${directory}`,
      );
    }
  }
  return parent;
}

/** At most 255 bytes, which is what file systems take: long names are cut. */
function partialName(finalName: string): string {
  const start =
    Buffer.byteLength(finalName) <= 200 ? finalName : finalName.slice(0, 50).replace(/\p{Surrogate}$/u, '');
  return `.${start}.partial-${randomBytes(6).toString('hex')}`;
}

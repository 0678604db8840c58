/**
 * Files held open between the chunks of a transfer, so that a chunk costs one read and one fstat instead of resolving,
 * opening, checking and closing. At most `maxOpen` at rest, none longer than `idleMs` unused, and after `recheckMs` a name
 * is looked up anew. A file in use is never closed: `use` counts.
 */
import { type BigIntStats } from 'node:fs';
import { type FileHandle } from 'node:fs/promises';
import { ServerError, Status } from '../index.js';
import { etagOf, isSameVersion } from './etag.js';
import { type RootDirectory } from './root-directory.js';

export interface OpenFileOptions {
  /** Files at rest that are kept open. Default 64; each costs a file descriptor. */
  readonly maxOpen?: number | undefined;
  /** How long an unused file stays open. Default 5,000 ms. */
  readonly idleMs?: number | undefined;
  /** How long a name is taken to mean the same file without looking again. Default 1,000 ms. */
  readonly recheckMs?: number | undefined;
}

export class OpenFile {
  readonly name: string;
  readonly handle: FileHandle;
  /** As it was when it was opened; whoever reads asks afterwards whether it is unchanged. */
  readonly stats: BigIntStats;
  readonly etag: string;
  readonly openedAt: number;
  userCount = 0;
  isDropped = false;
  lastUsedAt: number;
  readonly #changedAt: number;
  /** When the last look began that has found it unchanged. */
  #unchangedAt = -Infinity;
  /** A look that has not begun: who asks now may share it. */
  #nextLook: Promise<boolean> | undefined;
  #lastLook: Promise<unknown> = Promise.resolve();

  constructor(name: string, handle: FileHandle, stats: BigIntStats, now: number) {
    this.name = name;
    this.handle = handle;
    this.stats = stats;
    this.etag = etagOf(stats);
    this.#changedAt = Number(stats.ctimeNs / 1_000_000n);
    this.openedAt = now;
    this.lastUsedAt = now;
  }

  get sizeBytes(): number {
    return Number(this.stats.size);
  }

  /** False when it was changed just before: a change within the clock tick of the last one would leave the etag as it is. */
  get isSettled(): boolean {
    return Math.abs(Date.now() - this.#changedAt) > SETTLED_AFTER_MS;
  }

  /** Whether it is still what it was when it was opened, at a time after this call. Many who ask share a look at the file. */
  async isUnchanged(): Promise<boolean> {
    if (this.#nextLook === undefined) {
      this.#nextLook = this.#lastLook.then(this.#look, this.#look);
      this.#lastLook = this.#nextLook;
    }
    return this.#nextLook;
  }

  readonly #look = async (): Promise<boolean> => {
    this.#nextLook = undefined;
    const lookedAt = performance.now();
    const isUnchanged = isSameVersion(this.stats, await this.handle.stat({ bigint: true }));
    if (isUnchanged) this.#unchangedAt = lookedAt;
    return isUnchanged;
  };

  /** Whether a look was so lately that what is known of the file is news enough. */
  get wasSeenLately(): boolean {
    return performance.now() - this.#unchangedAt <= SEEN_LATELY_MS;
  }
}

const SETTLED_AFTER_MS = 2_000;
/** As old may an answer be, on top of its way to the client. A look costs as much as sending a datagram. */
const SEEN_LATELY_MS = 10;

/** A file that is being opened, and how many wait for it. */
interface Opening {
  count: number;
  file?: Promise<OpenFile>;
}

export class OpenFiles {
  readonly #root: RootDirectory;
  readonly #maxOpen: number;
  readonly #idleMs: number;
  readonly #recheckMs: number;
  /** In the order of their last use, the oldest first. */
  readonly #files = new Map<string, OpenFile>();
  readonly #openings = new Map<string, Opening>();
  readonly #closing = new Set<Promise<void>>();
  #sweep: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(root: RootDirectory, options: OpenFileOptions = {}) {
    this.#root = root;
    this.#maxOpen = options.maxOpen ?? 64;
    this.#idleMs = options.idleMs ?? 5_000;
    this.#recheckMs = options.recheckMs ?? 1_000;
  }

  /** How many files are open now, in use or at rest. */
  get openCount(): number {
    return this.#files.size;
  }

  /** Opens `name` or finds it open, and keeps it open while `action` runs. */
  async use<T>(name: string, action: (file: OpenFile) => Promise<T>): Promise<T> {
    const file = this.#acquireFresh(name) ?? (await this.#acquire(name));
    try {
      return await action(file);
    } finally {
      this.#release(file);
    }
  }

  /** The file is not what it was: the next use opens it anew. */
  drop(file: OpenFile): void {
    if (this.#files.get(file.name) === file) this.#files.delete(file.name);
    if (file.isDropped) return;
    file.isDropped = true;
    this.#closeWhenUnused(file);
  }

  /** Resolves when what is not in use is closed; the rest closes at the end of its use. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#sweep);
    for (const file of [...this.#files.values()]) this.drop(file);
    await Promise.all(this.#closing);
  }

  /** Whether `name` was opened lately: then it is a name. */
  has(name: string): boolean {
    return this.#files.has(name);
  }

  #fresh(name: string): OpenFile | undefined {
    const file = this.#files.get(name);
    if (file === undefined) return undefined;
    if (performance.now() - file.openedAt <= this.#recheckMs) return file;
    this.drop(file);
    return undefined;
  }

  #acquireFresh(name: string): OpenFile | undefined {
    const file = this.#fresh(name);
    if (file !== undefined) file.userCount++;
    return file;
  }

  /** Callers that want the same file at the same time share one opening. */
  async #acquire(name: string): Promise<OpenFile> {
    const users = this.#openings.get(name) ?? { count: 0 };
    users.count++;
    users.file ??= this.#open(name, users);
    this.#openings.set(name, users);
    return users.file;
  }

  async #open(name: string, users: Opening): Promise<OpenFile> {
    try {
      const startedAt = performance.now();
      const { handle, stats } = await this.#root.openFile(name);
      if (this.#isClosed) {
        await handle.close();
        throw new ServerError(Status.UNAVAILABLE, 'the image server is closing');
      }
      const file = new OpenFile(name, handle, stats, startedAt);
      // In use from the first moment, so that making room for another cannot close it before its users come.
      file.userCount = users.count;
      this.#files.set(name, file);
      this.#closeOldest();
      this.#armSweep();
      return file;
    } finally {
      this.#openings.delete(name);
    }
  }

  #release(file: OpenFile): void {
    file.userCount--;
    file.lastUsedAt = performance.now();
    if (file.isDropped) {
      this.#closeWhenUnused(file);
    } else {
      this.#files.delete(file.name);
      this.#files.set(file.name, file);
      this.#closeOldest();
    }
  }

  #closeOldest(): void {
    if (this.#files.size <= this.#maxOpen) return;
    for (const file of this.#files.values()) {
      if (file.userCount > 0) continue;
      this.drop(file);
      if (this.#files.size <= this.#maxOpen) return;
    }
  }

  #closeWhenUnused(file: OpenFile): void {
    if (file.userCount > 0) return;
    // A failed close of a file that was only read loses nothing.
    const closing = file.handle.close().catch(() => undefined);
    this.#closing.add(closing);
    void closing.then(() => this.#closing.delete(closing));
  }

  #armSweep(): void {
    if (this.#sweep !== undefined) return;
    this.#sweep = setTimeout(() => {
      this.#sweep = undefined;
      this.#closeIdle();
      if (this.#files.size > 0) this.#armSweep();
    }, this.#idleMs);
    // Files at rest are no reason for a process to stay.
    this.#sweep.unref();
  }

  #closeIdle(): void {
    const limit = performance.now() - this.#idleMs;
    for (const file of [...this.#files.values()]) {
      if (file.userCount === 0 && file.lastUsedAt <= limit) this.drop(file);
    }
  }
}

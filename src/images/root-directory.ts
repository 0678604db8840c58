/**
 * The one door from names to files. Nothing outside the root is ever read, whatever the name is and whatever happens
 * to the directory meanwhile: a path is resolved, opened, and then the *open* file is asked where it is. Names of
 * files in a directory are read through its open handle, so a directory that is swapped for a link shows nothing.
 * Symbolic links inside the root that lead to a place inside the root are followed; other kinds of files are refused.
 */
import { type BigIntStats, constants, type Dirent } from 'node:fs';
import { type FileHandle, lstat, open, opendir, readlink, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { noSuchImage } from './file-error.js';

// Absent on Windows, where they would be undefined. O_NONBLOCK: a FIFO must not hold up who opens it.
const {
  O_RDONLY,
  O_NOFOLLOW = 0,
  O_NONBLOCK = 0,
  O_DIRECTORY = 0,
} = constants as Partial<typeof constants> & {
  O_RDONLY: number;
};

export interface OpenedFile {
  readonly handle: FileHandle;
  readonly stats: BigIntStats;
}

export class RootDirectory {
  /** Without links. */
  readonly #path: string;
  readonly #prefix: string;
  readonly #hasProc: boolean;

  private constructor(path: string, hasProc: boolean) {
    this.#path = path;
    this.#prefix = path.endsWith(sep) ? path : path + sep;
    this.#hasProc = hasProc;
  }

  /** Throws the system's error when `path` is not a directory that can be read. */
  static async open(path: string, options: { useProc?: boolean } = {}): Promise<RootDirectory> {
    const resolved = await realpath(path);
    const directory = await opendir(resolved);
    await directory.close();
    const hasProc = (options.useProc ?? true) && (await isProcUsable());
    return new RootDirectory(resolved, hasProc);
  }

  /** `name` has passed `imageNameProblem`. Only regular files; the caller closes the handle. */
  async openFile(name: string): Promise<OpenedFile> {
    const path = join(this.#path, name);
    const resolved = await realpath(path);
    if (!this.#isInside(resolved) || isTwin(path, resolved)) throw noSuchImage(name);
    // Asked before it is opened: opening a device can have effects of its own.
    if (!(await lstat(resolved)).isFile()) throw noSuchImage(name);
    const handle = await open(resolved, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      const stats = await handle.stat({ bigint: true });
      if (!stats.isFile() || !(await this.#isHandleInside(handle, stats, resolved))) throw noSuchImage(name);
      return { handle, stats };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** `name` is '' for the root itself, else a directory's name. Links are not followed. */
  async openDirectory(name: string): Promise<OpenDirectory> {
    const path = join(this.#path, name);
    if (!this.#hasProc) return openDirectoryByPath(path, name);
    const handle = await open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      if (!this.#isInside(await readlink(`/proc/self/fd/${handle.fd}`))) throw noSuchImage(name);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return new OpenDirectory(`/proc/self/fd/${handle.fd}`, () => handle.close());
  }

  #isInside(path: string): boolean {
    return path === this.#path || path.startsWith(this.#prefix);
  }

  async #isHandleInside(handle: FileHandle, stats: BigIntStats, resolved: string): Promise<boolean> {
    if (this.#hasProc) return this.#isInside(await readlink(`/proc/self/fd/${handle.fd}`));
    return this.#isSameFileInside(stats, resolved);
  }

  /**
   * Where the system cannot say where an open file is: the path must still lead to the same file, without links, before
   * and after. Deviation: who can swap a directory three times at the right instants could get past this.
   */
  async #isSameFileInside(stats: BigIntStats, resolved: string): Promise<boolean> {
    const before = await realpath(resolved);
    const found = await lstat(resolved, { bigint: true });
    const after = await realpath(resolved);
    return before === resolved && after === resolved && found.ino === stats.ino && found.dev === stats.dev;
  }
}

/** One read of a directory: half a millisecond of work. */
const SLICE_ENTRIES = 1_024;

/** A directory whose entries stay its own, also when its path is given to another one meanwhile. */
export class OpenDirectory {
  readonly #anchor: string;
  readonly #release: () => Promise<void>;
  readonly #check: (() => Promise<void>) | undefined;

  constructor(anchor: string, release: () => Promise<void>, check?: () => Promise<void>) {
    this.#anchor = anchor;
    this.#release = release;
    this.#check = check;
  }

  /** All entries, in no order, in slices: between two of them the event loop goes on. */
  async *slices(): AsyncGenerator<readonly Dirent[], void, void> {
    const directory = await opendir(this.#anchor, { bufferSize: SLICE_ENTRIES });
    try {
      if (this.#check !== undefined) await this.#check();
      for (;;) {
        const first = await directory.read();
        if (first === null) return;
        const slice = [first];
        // The rest of what that one read brought along: a promise for each entry would cost more than the entry.
        while (slice.length < SLICE_ENTRIES) {
          const entry = directory.readSync();
          if (entry === null) break;
          slice.push(entry);
        }
        yield slice;
      }
    } finally {
      await directory.close();
    }
  }

  /** What an entry itself is: links are not followed. */
  async stat(entryName: string): Promise<BigIntStats> {
    const stats = await lstat(join(this.#anchor, entryName), { bigint: true });
    if (this.#check !== undefined) await this.#check();
    return stats;
  }

  close(): Promise<void> {
    return this.#release();
  }
}

/** Without /proc: the directory's path must be free of links before each look at it and after. */
async function openDirectoryByPath(path: string, name: string): Promise<OpenDirectory> {
  const check = async (): Promise<void> => {
    if ((await realpath(path)) !== path) throw noSuchImage(name);
  };
  await check();
  return new OpenDirectory(path, () => Promise.resolve(), check);
}

/** Two paths that a file system may take for one (case, Unicode normal form), though their bytes differ. */
function isTwin(asked: string, resolved: string): boolean {
  if (asked === resolved) return false;
  return asked.normalize('NFC').toLowerCase() === resolved.normalize('NFC').toLowerCase();
}

/** Only Linux has it, and not in every container. */
async function isProcUsable(): Promise<boolean> {
  try {
    return (await stat('/proc/self/fd')).isDirectory();
  } catch {
    return false;
  }
}

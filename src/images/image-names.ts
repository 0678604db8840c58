/**
 * All names of images below a root, in order, from any place on, without ever holding more than a few windows of them.
 * Directories are walked in the place where their names belong (`a-1.png` < `a/x.png` < `a0.png`), so the order is
 * that of whole names and a name alone says where to go on. Links to directories are not walked: they could go in circles.
 */
import { type Dirent } from 'node:fs';
import { ServerError, Status } from '../index.js';
import { systemErrorCode } from './file-error.js';
import { Gate } from './gate.js';
import { isHiddenName, MAX_NAME_BYTES } from './image-name.js';
import { isImageName } from './mime-type.js';
import { NameWindow } from './name-window.js';
import { type RootDirectory } from './root-directory.js';

export interface ImageNamesOptions {
  /** Names that one pass over a directory collects. Default 16,384: 10^6 files in + 45 MB, of which the names are 3. */
  readonly windowNames?: number | undefined;
  /** A pass that took so long is kept for the pages that follow; a shorter one is made again. Default 20 ms. */
  readonly worthKeepingMs?: number | undefined;
}

export interface NamesRequest {
  /** Only names that start with this. */
  readonly prefix: string;
  /** Only names after this one; '' for all. What later pages show may come from the pass of the page before. */
  readonly after: string;
  readonly signal?: AbortSignal | undefined;
}

/** One pass's result: keys of one directory, a directory's key ending in `/`. */
interface Window {
  readonly directory: string;
  readonly prefix: string;
  readonly from: string;
  readonly keys: readonly string[];
  readonly isComplete: boolean;
  readonly readAt: number;
}

export class ImageNames {
  readonly #root: RootDirectory;
  readonly #windowNames: number;
  readonly #worthKeepingMs: number;
  /** The latest passes, so that the pages of one listing share them. */
  readonly #windows: Window[] = [];
  readonly #passes = new Map<string, Promise<Window>>();
  readonly #gate = new Gate(2, 1_000);

  constructor(root: RootDirectory, options: ImageNamesOptions = {}) {
    this.#root = root;
    this.#windowNames = options.windowNames ?? 16_384;
    this.#worthKeepingMs = options.worthKeepingMs ?? 20;
  }

  /** Throws the system's error when the root cannot be read; directories below it that cannot are left out. */
  names(request: NamesRequest): AsyncGenerator<string, void, void> {
    return this.#walk('', request, 1);
  }

  async *#walk(directory: string, request: NamesRequest, depth: number): AsyncGenerator<string, void, void> {
    let from = firstKey(directory, request.after);
    for (;;) {
      const window = await this.#window(directory, from, request);
      for (let index = lowerBound(window.keys, from); index < window.keys.length; index++) {
        request.signal?.throwIfAborted();
        const key = window.keys[index] ?? '';
        const name = directory + key;
        if (!key.endsWith('/')) yield name;
        else if (depth < MAX_DEPTH) yield* this.#walkBelow(name, request, depth + 1);
      }
      if (window.isComplete) return;
      from = `${window.keys.at(-1) ?? ''}\0`;
    }
  }

  async *#walkBelow(
    directory: string,
    request: NamesRequest,
    depth: number,
  ): AsyncGenerator<string, void, void> {
    try {
      yield* this.#walk(directory, request, depth);
    } catch (error) {
      // It went away, or may not be read, or was swapped for a link: the others are still listed.
      const isGone = error instanceof ServerError && error.code === Status.NOT_FOUND;
      if (!isGone && systemErrorCode(error) === undefined) throw error;
    }
  }

  /** A window that holds what comes at `from` and after it. */
  async #window(directory: string, from: string, request: NamesRequest): Promise<Window> {
    const prefix = prefixIn(directory, request.prefix);
    const known = request.after === '' ? undefined : this.#known(directory, prefix, from);
    if (known !== undefined) return known;
    const id = JSON.stringify([directory, prefix, from]);
    const pending = this.#passes.get(id);
    if (pending !== undefined) return pending;
    const pass = this.#gate.run(() => this.#read(directory, prefix, from));
    this.#passes.set(id, pass);
    try {
      return await pass;
    } finally {
      this.#passes.delete(id);
    }
  }

  #known(directory: string, prefix: string, from: string): Window | undefined {
    const limit = performance.now() - WINDOW_LIFE_MS;
    return this.#windows.find(
      (window) =>
        window.directory === directory &&
        window.prefix === prefix &&
        window.readAt >= limit &&
        window.from <= from &&
        (window.isComplete || from <= (window.keys.at(-1) ?? '')),
    );
  }

  async #read(directory: string, prefix: string, from: string): Promise<Window> {
    const readAt = performance.now();
    const smallest = new NameWindow(this.#windowNames);
    const opened = await this.#root.openDirectory(directory.slice(0, -1));
    try {
      for await (const slice of opened.slices()) {
        for (const entry of slice) {
          const key = keyOf(entry);
          if (key === undefined || key < from || !isUnderPrefix(key, prefix)) continue;
          if (Buffer.byteLength(directory) + Buffer.byteLength(key) <= MAX_NAME_BYTES) smallest.add(key);
        }
      }
    } finally {
      await opened.close();
    }
    const { names: keys, isComplete } = smallest.finish();
    const window = { directory, prefix, from, keys, isComplete, readAt };
    if (performance.now() - readAt >= this.#worthKeepingMs) {
      this.#windows.unshift(window);
      if (this.#windows.length > MAX_WINDOWS) this.#windows.pop();
    }
    return window;
  }
}

/** undefined for what is not listed: hidden files, files that are no images, sockets, FIFOs, devices. */
function keyOf(entry: Dirent): string | undefined {
  const { name } = entry;
  // U+FFFD stands for bytes that are not UTF-8: such a file cannot be asked for by name.
  if (isHiddenName(name) || name.includes('\uFFFD') || name.includes('\\')) return undefined;
  if (entry.isDirectory()) return `${name}/`;
  return (entry.isFile() || entry.isSymbolicLink()) && isImageName(name) ? name : undefined;
}

/** The smallest key of `directory` that may lead to a name after `after`. */
function firstKey(directory: string, after: string): string {
  if (!after.startsWith(directory)) return '';
  const rest = after.slice(directory.length);
  if (rest === '') return '';
  const slash = rest.indexOf('/');
  // A directory that we are inside of comes again; a file that was given does not.
  return slash < 0 ? `${rest}\0` : rest.slice(0, slash + 1);
}

/** What of a wanted prefix is left inside `directory`, whose keys led here. */
function prefixIn(directory: string, prefix: string): string {
  return prefix.startsWith(directory) ? prefix.slice(directory.length) : '';
}

function isUnderPrefix(key: string, prefix: string): boolean {
  return key.startsWith(prefix) || (key.endsWith('/') && prefix.startsWith(key));
}

/** Index of the first key that is not before `from`. */
function lowerBound(keys: readonly string[], from: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? '') < from) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Directories inside directories; deeper ones are left out of the listing. */
const MAX_DEPTH = 32;

const MAX_WINDOWS = 3;

/** How old a pass may be that later pages are taken from. */
const WINDOW_LIFE_MS = 30_000;

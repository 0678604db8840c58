/**
 * The images of one directory: list them, describe one, read a part of one. Here the rules of images meet the files:
 * names are checked before anything else, every answer about a file says which version it is of (etag), and no answer mixes
 * two. Listed are images by their extension; any other file that is not hidden can be read by who knows its name.
 */
import { type BigIntStats } from 'node:fs';
import { posix } from 'node:path';
import { ServerError, Status } from '../index.js';
import { BlockCache } from './block-cache.js';
import { fileError, noSuchImage, systemErrorCode } from './file-error.js';
import { FileDigests } from './file-digests.js';
import { type ImageHeader } from './image-header.js';
import { imageNameProblem, isHiddenName, MAX_NAME_BYTES, quoteName } from './image-name.js';
import { ImageNames, type ImageNamesOptions } from './image-names.js';
import { mimeTypeOf } from './mime-type.js';
import { type OpenFile, type OpenFileOptions, OpenFiles } from './open-files.js';
import { decodePageToken, encodePageToken } from './page-token.js';
import { type OpenDirectory, RootDirectory } from './root-directory.js';

/** What a store may keep open and in memory. */
export interface ImageStoreOptions extends ImageNamesOptions, OpenFileOptions {
  /** Descriptions (hashes, header) that are remembered. Default 10,000, about 5 MB. */
  readonly maxDigests?: number | undefined;
  /** Memory for parts of images that were read lately, in bytes; 0 for none. Default 96 MiB. */
  readonly cacheBytes?: number | undefined;
  /** Whether /proc may be used to ask where an open file is (Linux). Default true; false takes the portable way. */
  readonly useProc?: boolean | undefined;
}

/** What is known of an image without reading it. */
export interface StoredImage {
  readonly name: string;
  readonly sizeBytes: bigint;
  readonly modified: Date;
  readonly mimeType: string;
}

/** A page of a listing. */
export interface ImagePage {
  readonly images: readonly StoredImage[];
  /** '' on the last page. */
  readonly nextPageToken: string;
}

/** All there is to say of an image; hashes are of the whole file. */
export interface ImageDescription extends StoredImage, ImageHeader {
  readonly etag: string;
  readonly sha256: Uint8Array;
  readonly fletcher32: number;
}

/** A part of an image, and which version of it that is. */
export interface ImageChunk {
  /** Not to be changed: other chunks may share its memory. */
  readonly data: Uint8Array;
  readonly totalBytes: number;
  readonly etag: string;
  readonly isLast: boolean;
}

/** Which page is wanted. Left out: the first. */
export interface ListQuery {
  readonly prefix?: string | undefined;
  readonly pageSize?: number | undefined;
  readonly pageToken?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Which part of which image is wanted. */
export interface ChunkQuery {
  readonly name: string;
  readonly offset: bigint;
  readonly length: number;
  /** An etag; '' or nothing for any version. */
  readonly ifMatch?: string | undefined;
}

/** The longest chunk, 1 MiB. */
export const MAX_CHUNK_BYTES = 1_048_576;
/** The most images of a page. */
export const MAX_PAGE_SIZE = 1_000;
export const DEFAULT_PAGE_SIZE = 100;

/** The images below one directory, to be listed, described and read by name. `open` makes one. */
export class ImageStore {
  readonly #root: RootDirectory;
  readonly #names: ImageNames;
  readonly #files: OpenFiles;
  readonly #digests: FileDigests;
  readonly #cache: BlockCache;

  private constructor(root: RootDirectory, options: ImageStoreOptions) {
    this.#root = root;
    this.#names = new ImageNames(root, options);
    this.#files = new OpenFiles(root, options);
    this.#digests = new FileDigests(options.maxDigests ?? 10_000);
    this.#cache = new BlockCache(options.cacheBytes ?? 96 << 20);
  }

  /** Throws the system's error (`ENOENT`, `EACCES`, `ENOTDIR`) when `directory` cannot be listed. */
  static async open(directory: string, options: ImageStoreOptions = {}): Promise<ImageStore> {
    return new ImageStore(await RootDirectory.open(directory, { useProc: options.useProc ?? true }), options);
  }

  /** Images in the order of their names. A page may be shorter than asked when files vanish; only the token tells the end. */
  async list(query: ListQuery = {}): Promise<ImagePage> {
    const prefix = query.prefix ?? '';
    if (Buffer.byteLength(prefix) > MAX_NAME_BYTES) {
      throw new ServerError(Status.INVALID_ARGUMENT, `prefix is longer than ${MAX_NAME_BYTES} bytes`);
    }
    const token = query.pageToken ?? '';
    const after = token === '' ? '' : decodePageToken(token, prefix);
    const asked = query.pageSize ?? 0;
    const pageSize = asked === 0 ? DEFAULT_PAGE_SIZE : Math.min(asked, MAX_PAGE_SIZE);
    try {
      const names: string[] = [];
      for await (const name of this.#names.names({ prefix, after, signal: query.signal })) {
        // One more than fits says that there is another page.
        if (names.length === pageSize) {
          return {
            images: await this.#describe(names),
            nextPageToken: encodePageToken(prefix, names.at(-1) ?? ''),
          };
        }
        names.push(name);
      }
      return { images: await this.#describe(names), nextPageToken: '' };
    } catch (error) {
      throw listError(error);
    }
  }

  /** Reads the whole file the first time; the answer is remembered for as long as the file does not change. */
  async describe(name: string): Promise<ImageDescription> {
    return this.#withFile(name, async (file) => {
      const { header, sha256, fletcher32 } = await this.#digests.of(file);
      return { ...entryOf(name, file.stats), ...header, etag: file.etag, sha256, fletcher32 };
    });
  }

  /**
   * A part of an image. Throws ServerErrors: NOT_FOUND, INVALID_ARGUMENT for a length that is not 1 to MAX_CHUNK_BYTES,
   * OUT_OF_RANGE for an offset past the end, FAILED_PRECONDITION when the image has another etag.
   */
  async read(query: ChunkQuery): Promise<ImageChunk> {
    const { name, offset, length, ifMatch = '' } = query;
    if (!Number.isInteger(length) || length < 1 || length > MAX_CHUNK_BYTES) {
      throw new ServerError(
        Status.INVALID_ARGUMENT,
        `length must be 1 to ${MAX_CHUNK_BYTES} bytes, not ${length}`,
      );
    }
    return this.#withFile(name, (file) => {
      if (ifMatch !== '' && ifMatch !== file.etag) {
        throw new ServerError(
          Status.FAILED_PRECONDITION,
          `${quoteName(name)} has changed: its etag is ${file.etag} now, not ${quoteName(ifMatch)}`,
        );
      }
      const totalBytes = file.sizeBytes;
      // An empty file has one chunk, and it is empty.
      if (offset >= file.stats.size && offset > 0n) {
        throw new ServerError(
          Status.OUT_OF_RANGE,
          `offset ${offset.toString()} is past the end of ${quoteName(name)}, which has ${totalBytes} bytes`,
        );
      }
      const start = Number(offset);
      const chunkOf = (data: Uint8Array): ImageChunk => {
        return { data, totalBytes, etag: file.etag, isLast: start + data.length === totalBytes };
      };
      const read = this.#cache.read(file, start, Math.min(length, totalBytes - start));
      return read instanceof Uint8Array ? chunkOf(read) : read.then(chunkOf);
    });
  }

  /** Closes the files. Calls still running end with what they have. */
  async close(): Promise<void> {
    await this.#files.close();
  }

  /** Runs `action` again on the newer version when the file changed under it; who keeps changing it gets ABORTED. */
  async #withFile<T>(name: string, action: (file: OpenFile) => T | Promise<T>): Promise<T> {
    if (!this.#files.has(name)) checkName(name);
    try {
      for (let attempt = 1; attempt <= MAX_READ_ATTEMPTS; attempt++) {
        const outcome = await this.#files.use(name, (file) => this.#unlessChanged(file, action));
        if (outcome !== CHANGED) return outcome;
      }
    } catch (error) {
      throw fileError(error, name);
    }
    throw new ServerError(
      Status.ABORTED,
      `${quoteName(name)} keeps changing while it is read: try again later`,
    );
  }

  /**
   * What was read counts only when the file is afterwards still what it was when it was opened. What is known without reading
   * is of that version anyway, and counts when the file was looked at lately.
   */
  async #unlessChanged<T>(
    file: OpenFile,
    action: (file: OpenFile) => T | Promise<T>,
  ): Promise<T | typeof CHANGED> {
    let outcome: { value: T } | { error: unknown };
    try {
      const value = action(file);
      if (!(value instanceof Promise) && file.wasSeenLately) return value;
      outcome = { value: await value };
    } catch (error) {
      outcome = { error };
    }
    if (!(await file.isUnchanged())) {
      this.#files.drop(file);
      return CHANGED;
    }
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  async #describe(names: readonly string[]): Promise<StoredImage[]> {
    const images: StoredImage[] = [];
    for (let start = 0; start < names.length;) {
      // In order, the images of one directory mostly come together.
      const parent = posix.dirname(names[start] ?? '');
      let end = start + 1;
      while (end < names.length && end - start < MAX_STATS && posix.dirname(names[end] ?? '') === parent)
        end++;
      images.push(...(await this.#describeIn(parent === '.' ? '' : parent, names.slice(start, end))));
      start = end;
    }
    return images;
  }

  async #describeIn(parent: string, names: readonly string[]): Promise<StoredImage[]> {
    const directory = await this.#root.openDirectory(parent).catch(() => undefined);
    if (directory === undefined) return [];
    try {
      const all = await Promise.all(names.map((name) => this.#statIn(directory, name)));
      return names.flatMap((name, index) => {
        const stats = all[index];
        return stats === undefined ? [] : [entryOf(name, stats)];
      });
    } finally {
      await directory.close();
    }
  }

  /** undefined for what is gone meanwhile, and for links that lead nowhere or out. */
  async #statIn(directory: OpenDirectory, name: string): Promise<BigIntStats | undefined> {
    try {
      const stats = await directory.stat(posix.basename(name));
      if (!stats.isSymbolicLink()) return stats.isFile() ? stats : undefined;
      const { handle, stats: target } = await this.#root.openFile(name);
      await handle.close();
      return target;
    } catch {
      return undefined;
    }
  }
}

/** Asked of the file system at a time. */
const MAX_STATS = 64;

const CHANGED = Symbol('changed');

/** Once more for a file that was replaced, once more for bad luck. */
const MAX_READ_ATTEMPTS = 3;

/** Throws INVALID_ARGUMENT for what is no name of an image, NOT_FOUND for a hidden one. */
function checkName(name: string): void {
  const problem = imageNameProblem(name);
  if (problem !== undefined) {
    throw new ServerError(
      Status.INVALID_ARGUMENT,
      `${quoteName(name)} is not a name of an image: ${problem}`,
    );
  }
  if (isHiddenName(name)) throw noSuchImage(name);
}

function entryOf(name: string, stats: BigIntStats): StoredImage {
  return { name, sizeBytes: stats.size, modified: stats.mtime, mimeType: mimeTypeOf(name) };
}

function listError(error: unknown): unknown {
  const code = systemErrorCode(error);
  if (code === undefined) return error;
  return new ServerError(Status.INTERNAL, `the image server cannot read its directory any more (${code})`);
}

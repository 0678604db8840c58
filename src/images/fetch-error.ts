/**
 * Why an image could not be fetched, where no call failed: the answers did not fit together, or the disk refused. It has a
 * status like the errors of calls, so that one place can print both. Errors of calls pass through as they are.
 */
import { Status } from '../index.js';
import { systemErrorCode } from './file-error.js';
import { quoteName } from './image-name.js';

/** An image could not be fetched although no call failed: the answers did not fit together, or the disk refused. */
export class FetchError extends Error {
  override readonly name = 'FetchError';
  readonly code: Status;
  /** For a person, without the status. */
  readonly details: string;

  constructor(code: Status, details: string, cause?: unknown) {
    super(`${Status[code]}: ${details}`, { cause });
    this.code = code;
    this.details = details;
  }
}

/** The image changed between two answers about it: a fetch starts again. */
export class ImageChanged extends FetchError {
  constructor(name: string, what: string) {
    super(Status.ABORTED, `${quoteName(name)} changed while it was fetched: ${what}`);
  }
}

/** A failure to write at `path`, said so that one knows what to do; other things come back as they are. */
export function writeError(error: unknown, path: string): unknown {
  const code = systemErrorCode(error);
  if (code === undefined) return error;
  const [status, reason] = WRITE_FAILURES[code] ?? [Status.INTERNAL, 'the file system refused'];
  return new FetchError(status, `cannot write ${path}: ${reason} (${code})`, error);
}

const WRITE_FAILURES: Readonly<Record<string, readonly [Status, string]>> = {
  ENOSPC: [Status.RESOURCE_EXHAUSTED, 'the disk is full'],
  EDQUOT: [Status.RESOURCE_EXHAUSTED, 'your disk quota is used up'],
  EFBIG: [Status.RESOURCE_EXHAUSTED, 'the file is larger than this file system or user may have'],
  EMFILE: [Status.RESOURCE_EXHAUSTED, 'too many files are open'],
  EACCES: [Status.PERMISSION_DENIED, 'you may not write there'],
  EPERM: [Status.PERMISSION_DENIED, 'you may not write there'],
  EROFS: [Status.PERMISSION_DENIED, 'the file system is read-only'],
  EEXIST: [Status.FAILED_PRECONDITION, 'a file is where a directory is needed'],
  ENOTDIR: [Status.FAILED_PRECONDITION, 'a file is where a directory is needed'],
  EISDIR: [Status.FAILED_PRECONDITION, 'a directory of that name is there'],
  ENOTEMPTY: [Status.FAILED_PRECONDITION, 'a directory of that name is there'],
  ENAMETOOLONG: [Status.INVALID_ARGUMENT, 'the name is too long for this file system'],
  EIO: [Status.DATA_LOSS, 'the disk failed'],
};

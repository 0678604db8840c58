/**
 * From what the operating system says to a status that a caller can act on. Paths of the server never travel: the
 * answer has the name that was asked for and the error's code.
 */
import { ServerError, Status } from '../index.js';
import { quoteName } from './image-name.js';

/** The `code` of a system error (`ENOENT`), or undefined for any other thing that was thrown. */
export function systemErrorCode(error: unknown): string | undefined {
  // Not `instanceof Error`: errors made by Node's core can come from another realm.
  if (typeof error !== 'object' || error === null || !('code' in error) || !('syscall' in error))
    return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

export function noSuchImage(name: string): ServerError {
  return new ServerError(Status.NOT_FOUND, `no image ${quoteName(name)}`);
}

/** The status for a failure at the file `name`; what is not a system error comes back as it is. */
export function fileError(error: unknown, name: string): unknown {
  const code = systemErrorCode(error);
  switch (code) {
    case undefined:
      return error;
    case 'ENOENT':
    case 'ENOTDIR':
    case 'EISDIR':
    case 'ELOOP':
    case 'ENAMETOOLONG':
    case 'ENXIO':
      return noSuchImage(name);
    case 'EACCES':
    case 'EPERM':
      return new ServerError(
        Status.PERMISSION_DENIED,
        `the image server may not read ${quoteName(name)} (${code})`,
      );
    case 'EMFILE':
    case 'ENFILE':
    case 'ENOMEM':
      return new ServerError(Status.RESOURCE_EXHAUSTED, `the image server cannot open more files (${code})`);
    case 'EIO':
      return new ServerError(
        Status.DATA_LOSS,
        `the image server's disk failed while reading ${quoteName(name)} (EIO)`,
      );
    default:
      return new ServerError(Status.INTERNAL, `the image server could not read ${quoteName(name)} (${code})`);
  }
}

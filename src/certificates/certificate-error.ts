/** What is wrong with a certificate, a key or the files they are in: one line that says what to do. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError';
}

/** The same of a file that could not be read or written; `action` as in `read`. What is no system error comes back as it is. */
export function fileError(error: unknown, action: string, path: string): unknown {
  const code = systemErrorCode(error);
  if (code === undefined) return error;
  return new CertificateError(`cannot ${action} ${path}: ${explain(code)} (${code})`, { cause: error });
}

/** The `code` of a system error (`ENOENT`), or undefined for any other thing that was thrown. */
export function systemErrorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error) || !('syscall' in error))
    return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

function explain(code: string): string {
  switch (code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
    case 'EPERM':
      return 'this user may not; give it the right to, or name another';
    case 'EISDIR':
      return 'it is a directory; name a file';
    case 'ENOTDIR':
    case 'EEXIST':
      return 'a file is where a directory has to be';
    case 'ENOSPC':
    case 'EDQUOT':
      return 'the disk is full';
    case 'EROFS':
      return 'the file system is read-only';
    default:
      return 'the file system refuses';
  }
}

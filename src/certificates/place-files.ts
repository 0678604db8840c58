/**
 * Files that belong together, as a certificate and its key: each is complete, and on the disk, under a name of its own beside the final one
 * before the first of them takes its final name. Nobody ever reads half a file, and what cannot be written leaves all as it was.
 */
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CertificateError, fileError, systemErrorCode } from './certificate-error.js';

export interface NewFile {
  readonly path: string;
  readonly content: string;
  /** A secret is for this user alone (0600). */
  readonly isSecret: boolean;
}

/** Makes the directories on the way. `replace`: whether what is there already may be replaced. Throws CertificateError. */
export async function placeFiles(
  files: readonly NewFile[],
  { replace }: { readonly replace: boolean },
): Promise<void> {
  const written: { readonly from: string; readonly to: string }[] = [];
  const placed: string[] = [];
  try {
    for (const { path, content, isSecret } of files) {
      const from = join(dirname(path), `.${basename(path)}.partial-${randomBytes(6).toString('hex')}`);
      written.push({ from, to: path });
      await writeWhole(from, content, isSecret).catch((error: unknown) => {
        throw fileError(error, 'write', path);
      });
    }
    for (const { from, to } of written) {
      await (replace ? rename(from, to) : renameToNew(from, to)).catch((error: unknown) => {
        throw !replace && systemErrorCode(error) === 'EEXIST'
          ? existsError(to)
          : fileError(error, 'write', to);
      });
      placed.push(to);
    }
  } catch (error) {
    if (!replace) await Promise.all(placed.map((path) => rm(path, { force: true })));
    throw error;
  } finally {
    await Promise.all(written.map(({ from }) => rm(from, { force: true }).catch(() => undefined)));
  }
}

export function existsError(path: string): CertificateError {
  return new CertificateError(`${path} exists: --force replaces it, --out writes into another directory`);
}

async function writeWhole(path: string, content: string, isSecret: boolean): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const handle = await open(path, 'wx', isSecret ? 0o600 : 0o644);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** `rename` replaces what is there; a second name does not. */
async function renameToNew(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    // Some file systems (FAT, some shared folders) know no second names.
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(systemErrorCode(error) ?? '')) throw error;
    const taken = await open(to, 'wx');
    await taken.close();
    await rename(from, to);
  }
}

/**
 * Which version of which file: two reads belong together only when all of this is equal. The change time is part of
 * it because a program can set a file's modification time but not its change time, and because replacing, renaming or
 * deleting a file changes it on the file that was there, so that a handle held open finds out by itself.
 */
import { createHash } from 'node:crypto';
import { type BigIntStats } from 'node:fs';

/** 22 characters; says nothing about the file system to those who read it. */
export function etagOf(stats: BigIntStats): string {
  const version = [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(':');
  return createHash('sha256').update(version).digest().subarray(0, 16).toString('base64url');
}

/** Whether `etagOf` gives the same for both, without the hash. */
export function isSameVersion(a: BigIntStats, b: BigIntStats): boolean {
  return (
    a.ino === b.ino &&
    a.dev === b.dev &&
    a.size === b.size &&
    a.mtimeNs === b.mtimeNs &&
    a.ctimeNs === b.ctimeNs
  );
}

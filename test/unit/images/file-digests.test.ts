/** Hashes of whole files: right, computed once, remembered no longer than they are sure. */
import { createHash } from 'node:crypto';
import { utimesSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { FileDigests } from '../../../src/images/file-digests.js';
import { Fletcher32 } from '../../../src/images/fletcher32.js';
import { OpenFile } from '../../../src/images/open-files.js';
import { patternBytes, temporaryDirectory } from '../../support/temporary-directory.js';

const handles: FileHandle[] = [];
afterEach(async () => {
  await Promise.all(handles.splice(0).map((handle) => handle.close()));
});

/** As the store opens it; `ageMs` is how long ago the file is said to have changed last. */
async function opened(path: string, ageMs = 60_000): Promise<OpenFile> {
  const handle = await open(path, 'r');
  handles.push(handle);
  const stats = await handle.stat({ bigint: true });
  const ctimeMs = BigInt(Date.now() - ageMs);
  const aged = Object.assign(Object.create(stats) as typeof stats, {
    ctimeMs,
    ctimeNs: ctimeMs * 1_000_000n,
  });
  handle.stat = (() => Promise.resolve(aged)) as unknown as FileHandle['stat'];
  return new OpenFile('a.png', handle, aged, 0);
}

test.each([0, 1, 262_143, 262_144, 262_145, 1_000_001])('of %d bytes', async (length) => {
  const bytes = patternBytes(length);
  const file = await opened(join(temporaryDirectory({ 'a.png': bytes }), 'a.png'));
  const digest = await new FileDigests(10).of(file);
  expect(Buffer.from(digest.sha256).toString('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
  expect(digest.fletcher32).toBe(new Fletcher32().update(bytes).digest());
});

test('those who ask at the same time share one pass, and later ones its result', async () => {
  const file = await opened(join(temporaryDirectory({ 'a.png': patternBytes(1_000_000) }), 'a.png'));
  const digests = new FileDigests(10);
  const [first, second] = await Promise.all([digests.of(file), digests.of(file)]);
  const third = await digests.of(file);
  expect([second, third]).toEqual([first, first]);
  expect(digests.passCount).toBe(1);
});

test('a file that changed a moment ago is read again', async () => {
  const file = await opened(join(temporaryDirectory({ 'a.png': 'a' }), 'a.png'), 1_900);
  const digests = new FileDigests(10);
  await digests.of(file);
  await digests.of(file);
  expect(digests.passCount).toBe(2);
});

test('another version is another file', async () => {
  const path = join(temporaryDirectory({ 'a.png': 'old' }), 'a.png');
  const digests = new FileDigests(10);
  const before = await digests.of(await opened(path));
  writeFileSync(path, 'new');
  utimesSync(path, 1, 1);
  const after = await digests.of(await opened(path));
  expect(after.sha256).not.toEqual(before.sha256);
});

test('only so many are remembered, the longest unused is forgotten first', async () => {
  const directory = temporaryDirectory({ a: 'a', b: 'b', c: 'c' });
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => opened(join(directory, name))));
  if (a === undefined || b === undefined || c === undefined) throw new Error('not opened');
  const digests = new FileDigests(2);
  for (const file of [a, b, a, c]) await digests.of(file);
  expect(digests.passCount).toBe(3);
  await digests.of(a);
  expect(digests.passCount).toBe(3);
  await digests.of(b);
  expect(digests.passCount).toBe(4);
});

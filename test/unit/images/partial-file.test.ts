/** Files on their way: invisible until whole, gone when not, never outside the directory. */
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PartialFile } from '../../../src/images/partial-file.js';
import { patternBytes, temporaryDirectory } from '../../support/temporary-directory.js';

test('has another name until it is committed', async () => {
  const path = temporaryDirectory({ 'a.png': 'old' });
  const file = await PartialFile.create(path, 'a.png');
  await file.writeAt(Buffer.from('w'), 2);
  await file.writeAt(Buffer.from('ne'), 0);
  expect(readFileSync(join(path, 'a.png'), 'utf8')).toBe('old');
  expect(readdirSync(path).sort()).toEqual([
    expect.stringMatching(/^\.a\.png\.partial-[0-9a-f]{12}$/),
    'a.png',
  ]);
  await file.commit();
  await file.discard();
  expect(readFileSync(join(path, 'a.png'), 'utf8')).toBe('new');
  expect(readdirSync(path)).toEqual(['a.png']);
});

test('parts that come while one is written are written together, each at its place', async () => {
  const path = temporaryDirectory();
  const file = await PartialFile.create(path, 'a.png');
  const parts = [6, 0, 3, 1, 20, 2, 5, 4].map((place) => file.writeAt(Buffer.from([65 + place]), place));
  await Promise.all(parts);
  await file.commit();
  expect(readFileSync(join(path, 'a.png'), 'latin1')).toBe(`ABCDEFG${'\0'.repeat(13)}U`);
});

test('more parts may wait than a system writes at once', async () => {
  const path = temporaryDirectory();
  const file = await PartialFile.create(path, 'a.png');
  const bytes = patternBytes(5_000);
  await Promise.all(Array.from(bytes, (byte, place) => file.writeAt(Uint8Array.of(byte), place)));
  await file.commit();
  expect(Buffer.compare(readFileSync(join(path, 'a.png')), bytes)).toBe(0);
});

test('a part that cannot be written is told to who wrote it, and the next is tried', async () => {
  const file = await PartialFile.create(temporaryDirectory(), 'a.png');
  const outcomes = await Promise.allSettled([
    // Beyond what any file may have.
    file.writeAt(Buffer.from('a'), Number.MAX_SAFE_INTEGER),
    file.writeAt(Buffer.from('b'), 0),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  await file.discard();
});

test('discarded, it leaves nothing', async () => {
  const path = temporaryDirectory();
  const file = await PartialFile.create(path, 'a.png');
  await file.writeAt(Buffer.from('new'), 0);
  await file.discard();
  await file.discard();
  expect(readdirSync(path)).toEqual([]);
});

test('makes the directories of a name, and fits long names', async () => {
  const path = temporaryDirectory();
  const name = `made/on/the/way/${'ü'.repeat(125)}.png`;
  const file = await PartialFile.create(join(path, 'out'), name);
  await file.commit();
  expect(readFileSync(join(path, 'out', name), 'utf8')).toBe('');
});

test.each(['../a.png', '/tmp/a.png', 'a\0.png', '..\\a.png', 'a/../../b.png', '.bashrc', '.ssh/a.png', ''])(
  '%j is refused and nothing is made',
  async (name) => {
    const path = temporaryDirectory();
    await expect(PartialFile.create(join(path, 'out'), name)).rejects.toThrow('INVALID_ARGUMENT');
    expect(readdirSync(path)).toEqual([]);
  },
);

test.each(['sub/a.png', 'sub/new/a.png'])(
  '%s, where sub is a link out of the directory, is refused',
  async (name) => {
    const path = temporaryDirectory();
    const outside = temporaryDirectory();
    symlinkSync(outside, join(path, 'sub'));
    await expect(PartialFile.create(path, name)).rejects.toThrow(/FAILED_PRECONDITION.*leads out/);
    expect(readdirSync(outside)).toEqual([]);
  },
);

test.each([
  [
    'a file where a directory is needed',
    'file/a.png',
    /FAILED_PRECONDITION: cannot write .*\/file\/a.png: a file is where/,
  ],
  [
    'a directory of that name',
    'directory',
    /FAILED_PRECONDITION: cannot write .*\/directory: a directory of that name/,
  ],
  ['a name too long for a file', `${'x'.repeat(300)}.png`, /INVALID_ARGUMENT: cannot write .*too long/],
])('%s is said clearly and leaves nothing', async (_, name, message) => {
  const path = temporaryDirectory();
  writeFileSync(join(path, 'file'), '');
  mkdirSync(join(path, 'directory'));
  const attempt = async (): Promise<void> => {
    const file = await PartialFile.create(path, name);
    try {
      await file.commit();
    } finally {
      await file.discard();
    }
  };
  await expect(attempt()).rejects.toThrow(message);
  expect(readdirSync(path).sort()).toEqual(['directory', 'file']);
});

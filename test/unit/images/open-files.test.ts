/** Files held open: shared, limited in number and time, and never closed under a reader. */
import { jest } from '@jest/globals';
import { readlinkSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type OpenFile, OpenFiles, type OpenFileOptions } from '../../../src/images/open-files.js';
import { RootDirectory } from '../../../src/images/root-directory.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

afterEach(() => {
  jest.useRealTimers();
});

async function filesIn(path: string, options?: OpenFileOptions): Promise<OpenFiles> {
  return new OpenFiles(await RootDirectory.open(path), options);
}

async function contentOf(file: OpenFile): Promise<string> {
  const { buffer, bytesRead } = await file.handle.read(Buffer.alloc(10), 0, 10, 0);
  return buffer.subarray(0, bytesRead).toString();
}

/** How many descriptors of this process lead below `path`: what is really open. */
function descriptorsBelow(path: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(path);
    } catch {
      return false;
    }
  }).length;
}

const tenFiles = Object.fromEntries(
  Array.from({ length: 10 }, (_, index) => [`${index}.png`, String(index)]),
);

test('uses at the same time and one after the other share one opening', async () => {
  const path = temporaryDirectory({ 'a.png': 'a' });
  const files = await filesIn(path);
  const used = new Set<OpenFile>();
  await Promise.all([1, 2, 3].map(() => files.use('a.png', async (file) => used.add(file))));
  await files.use('a.png', async (file) => used.add(file));
  expect(used.size).toBe(1);
  expect(descriptorsBelow(path)).toBe(1);
  await files.close();
  expect(descriptorsBelow(path)).toBe(0);
});

test('at most so many are at rest', async () => {
  const path = temporaryDirectory(tenFiles);
  const files = await filesIn(path, { maxOpen: 3 });
  const contents = await Promise.all(Object.keys(tenFiles).map((name) => files.use(name, contentOf)));
  expect(contents).toEqual(Object.values(tenFiles));
  for (const name of Object.keys(tenFiles)) await files.use(name, contentOf);
  expect(files.openCount).toBe(3);
  await files.close();
  expect(descriptorsBelow(path)).toBe(0);
});

test('a file in use stays open whatever happens, and closes after it', async () => {
  const path = temporaryDirectory(tenFiles);
  const files = await filesIn(path, { maxOpen: 1 });
  await files.use('0.png', async (file) => {
    await files.use('1.png', contentOf);
    files.drop(file);
    await files.use('2.png', contentOf);
    const closed = files.close();
    expect(await contentOf(file)).toBe('0');
    await closed;
  });
  await files.close();
  expect(descriptorsBelow(path)).toBe(0);
});

test('a file in use does not make room for others', async () => {
  const files = await filesIn(temporaryDirectory(tenFiles), { maxOpen: 1 });
  await files.use('0.png', async (file) => {
    await files.use('1.png', contentOf);
    await files.use('0.png', async (again) => {
      expect(again).toBe(file);
    });
  });
  await files.close();
});

test('a dropped file is opened anew', async () => {
  const path = temporaryDirectory({ 'a.png': 'old', 'b.png': 'new' });
  const files = await filesIn(path);
  await files.use('a.png', async (file) => {
    files.drop(file);
  });
  renameSync(join(path, 'b.png'), join(path, 'a.png'));
  expect(await files.use('a.png', contentOf)).toBe('new');
  await files.close();
});

test('a name is looked up anew after a while', async () => {
  const path = temporaryDirectory({ 'sub/a.png': 'old', 'sub2/a.png': 'new' });
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
  const files = await filesIn(path, { recheckMs: 1_000 });
  expect(await files.use('sub/a.png', contentOf)).toBe('old');
  // Moving a directory leaves no trace on the files in it.
  renameSync(join(path, 'sub'), join(path, 'sub3'));
  renameSync(join(path, 'sub2'), join(path, 'sub'));
  jest.advanceTimersByTime(999);
  expect(await files.use('sub/a.png', contentOf)).toBe('old');
  jest.advanceTimersByTime(2);
  expect(await files.use('sub/a.png', contentOf)).toBe('new');
  await files.close();
});

test('an unused file is closed after a while, a used one is not', async () => {
  const path = temporaryDirectory(tenFiles);
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
  const files = await filesIn(path, { idleMs: 5_000, recheckMs: 60_000 });
  await files.use('0.png', contentOf);
  jest.advanceTimersByTime(3_000);
  await files.use('1.png', contentOf);
  await files.use('2.png', async (file) => {
    jest.advanceTimersByTime(2_000);
    expect(files.openCount).toBe(2);
    jest.advanceTimersByTime(60_000);
    expect(files.openCount).toBe(1);
    expect(await contentOf(file)).toBe('2');
  });
  jest.advanceTimersByTime(60_000);
  expect(files.openCount).toBe(0);
  expect(jest.getTimerCount()).toBe(0);
  await files.close();
});

test('a failed opening is not remembered', async () => {
  const path = temporaryDirectory();
  const files = await filesIn(path);
  await expect(files.use('a.png', contentOf)).rejects.toThrow('ENOENT');
  writeFileSync(join(path, 'a.png'), 'a');
  expect(await files.use('a.png', contentOf)).toBe('a');
  await files.close();
});

test('after close nothing opens', async () => {
  const files = await filesIn(temporaryDirectory({ 'a.png': 'a' }));
  await files.close();
  await expect(files.use('a.png', contentOf)).rejects.toThrow('UNAVAILABLE');
});

test('a file was seen lately for 10 ms after a look that found it unchanged', async () => {
  const path = temporaryDirectory({ 'a.png': 'a' });
  const files = await filesIn(path);
  await files.use('a.png', async (file) => {
    const now = jest.spyOn(performance, 'now').mockReturnValue(1_000);
    try {
      expect(file.wasSeenLately).toBe(false);
      expect(await file.isUnchanged()).toBe(true);
      now.mockReturnValue(1_010);
      expect(file.wasSeenLately).toBe(true);
      now.mockReturnValue(1_010.1);
      expect(file.wasSeenLately).toBe(false);
      writeFileSync(join(path, 'a.png'), 'bcd');
      expect(await file.isUnchanged()).toBe(false);
      expect(file.wasSeenLately).toBe(false);
    } finally {
      now.mockRestore();
    }
  });
  await files.close();
});

test('whether a file is unchanged is looked at after it was asked, once for all who ask meanwhile', async () => {
  const path = temporaryDirectory({ 'a.png': 'a' });
  const files = await filesIn(path);
  await files.use('a.png', async (file) => {
    const look = jest.spyOn(file.handle, 'stat');
    const tenAsk = (): Promise<boolean>[] => Array.from({ length: 10 }, async () => file.isUnchanged());
    const first = tenAsk();
    // The look has begun: who asks now is told of what comes after.
    await Promise.resolve();
    expect(look).toHaveBeenCalledTimes(1);
    writeFileSync(join(path, 'a.png'), 'bcd');
    const later = tenAsk();
    await Promise.all(first);
    expect(await Promise.all(later)).toEqual(Array.from({ length: 10 }, () => false));
    expect(look).toHaveBeenCalledTimes(2);
    look.mockRejectedValueOnce(new Error('EIO'));
    const failing = file.isUnchanged();
    await Promise.resolve();
    const afterIt = file.isUnchanged();
    await expect(failing).rejects.toThrow('EIO');
    expect(await afterIt).toBe(false);
  });
  await files.close();
});

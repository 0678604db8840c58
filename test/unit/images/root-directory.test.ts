/**
 * Nothing outside the root is read: by name, by link, or by swapping a directory at the worst moment, which a wrapped
 * `open` finds here without any luck. With /proc and without it.
 */
import { jest } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { linkSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '../../support/temporary-directory.js';

let beforeOpen: (() => void) | undefined;

jest.unstable_mockModule('node:fs/promises', () => ({
  ...fs,
  open: async (...parameters: Parameters<typeof fs.open>) => {
    beforeOpen?.();
    beforeOpen = undefined;
    return fs.open(...parameters);
  },
}));
const { RootDirectory } = await import('../../../src/images/root-directory.js');

const NOT_FOUND = /NOT_FOUND|ENOENT|ELOOP|ENOTDIR|ENXIO/;

describe.each([true, false])('with useProc %s', (useProc) => {
  async function rootWith(
    files: Record<string, string>,
  ): Promise<{ path: string; outside: string; read: Read }> {
    const path = temporaryDirectory(files);
    const outside = temporaryDirectory({ 'secret.png': 'secret', 'sub/secret.png': 'secret' });
    const root = await RootDirectory.open(path, { useProc });
    const read = async (name: string): Promise<string> => {
      const { handle } = await root.openFile(name);
      try {
        return (await handle.readFile()).toString();
      } finally {
        await handle.close();
      }
    };
    return { path, outside, read };
  }

  test('reads files and files in directories', async () => {
    const { read } = await rootWith({ 'a.png': 'a', 'sub/b.png': 'b' });
    expect(await read('a.png')).toBe('a');
    expect(await read('sub/b.png')).toBe('b');
  });

  test('follows links that stay inside', async () => {
    const { path, read } = await rootWith({ 'sub/b.png': 'b' });
    symlinkSync('sub/b.png', join(path, 'link.png'));
    symlinkSync(join(path, 'sub'), join(path, 'other'));
    expect(await read('link.png')).toBe('b');
    expect(await read('other/b.png')).toBe('b');
  });

  test('a hard link is a file of its own', async () => {
    const { path, read } = await rootWith({ 'a.png': 'a' });
    linkSync(join(path, 'a.png'), join(path, 'b.png'));
    expect(await read('b.png')).toBe('a');
  });

  test('refuses links that lead out, in every form', async () => {
    const { path, outside, read } = await rootWith({ 'sub/b.png': 'b' });
    symlinkSync(join(outside, 'secret.png'), join(path, 'absolute.png'));
    symlinkSync(`../${outside.split('/').at(-1) ?? ''}/secret.png`, join(path, 'relative.png'));
    symlinkSync(outside, join(path, 'directory'));
    symlinkSync('directory', join(path, 'sub', 'chain'));
    symlinkSync('../directory/secret.png', join(path, 'sub', 'chain.png'));
    symlinkSync('loop.png', join(path, 'loop.png'));
    symlinkSync(join(path, 'gone.png'), join(path, 'dangling.png'));
    for (const name of [
      'absolute.png',
      'relative.png',
      'directory/secret.png',
      'sub/chain.png',
      'loop.png',
      'dangling.png',
    ]) {
      await expect(read(name)).rejects.toThrow(NOT_FOUND);
    }
  });

  test('a directory whose name starts like the root is not inside', async () => {
    const parent = temporaryDirectory({ 'root/a.png': 'a', 'root-secret/b.png': 'secret' });
    symlinkSync('../root-secret/b.png', join(parent, 'root', 'b.png'));
    const root = await RootDirectory.open(join(parent, 'root'), { useProc });
    await expect(root.openFile('b.png')).rejects.toThrow(NOT_FOUND);
  });

  test('a file swapped for a link while it is opened', async () => {
    const { path, outside, read } = await rootWith({ 'a.png': 'a' });
    beforeOpen = () => {
      renameSync(join(path, 'a.png'), join(path, 'b.png'));
      symlinkSync(join(outside, 'secret.png'), join(path, 'a.png'));
    };
    await expect(read('a.png')).rejects.toThrow(NOT_FOUND);
  });

  test('a directory swapped for a link while a file in it is opened', async () => {
    const { path, outside, read } = await rootWith({ 'sub/secret.png': 'harmless' });
    beforeOpen = () => {
      renameSync(join(path, 'sub'), join(path, 'old'));
      symlinkSync(outside, join(path, 'sub'));
    };
    await expect(read('sub/secret.png')).rejects.toThrow(NOT_FOUND);
  });

  test('a directory swapped for a link while it is listed', async () => {
    const { path, outside } = await rootWith({ 'sub/a.png': 'a' });
    const root = await RootDirectory.open(path, { useProc });
    const swap = (): void => {
      renameSync(join(path, 'sub'), join(path, 'old'));
      symlinkSync(outside, join(path, 'sub'));
    };
    const directory = await root.openDirectory('sub');
    swap();
    const names: string[] = [];
    const listing = (async () => {
      for await (const slice of directory.slices()) names.push(...slice.map(({ name }) => name));
    })();
    // An open handle still shows the old one; a path shows nothing.
    if (useProc) await listing;
    else await expect(listing).rejects.toThrow(NOT_FOUND);
    expect(names).toEqual(useProc ? ['a.png'] : []);
    await expect(directory.stat('secret.png')).rejects.toThrow(NOT_FOUND);
    await directory.close();
    await expect(root.openDirectory('sub')).rejects.toThrow(NOT_FOUND);
  });

  test('FIFOs, sockets, devices and directories are no images, and opening them does not hang', async () => {
    const { path, read } = await rootWith({});
    execFileSync('mkfifo', [join(path, 'fifo.png')]);
    mkdirSync(join(path, 'directory.png'));
    symlinkSync('/dev/zero', join(path, 'zero.png'));
    let isOpened = false;
    beforeOpen = () => {
      isOpened = true;
    };
    for (const name of ['fifo.png', 'directory.png', 'zero.png']) {
      await expect(read(name)).rejects.toThrow(NOT_FOUND);
    }
    // Opening some devices has effects.
    expect(isOpened).toBe(false);
    beforeOpen = undefined;
  });

  test('a file swapped for a FIFO while it is opened does not hang', async () => {
    const { path, read } = await rootWith({ 'a.png': 'a' });
    beforeOpen = () => {
      renameSync(join(path, 'a.png'), join(path, 'b.png'));
      execFileSync('mkfifo', [join(path, 'a.png')]);
    };
    await expect(read('a.png')).rejects.toThrow(NOT_FOUND);
  });

  test('twins of a name are other names', async () => {
    const { read } = await rootWith({ 'caf\u00e9.png': 'composed', 'a.png': 'lower' });
    expect(await read('caf\u00e9.png')).toBe('composed');
    await expect(read('cafe\u0301.png')).rejects.toThrow(NOT_FOUND);
    await expect(read('A.png')).rejects.toThrow(NOT_FOUND);
    await expect(read('%61.png')).rejects.toThrow(NOT_FOUND);
  });

  test('twins are other names also where the file system takes them for one', async () => {
    const { path, read } = await rootWith({ 'caf\u00e9.png': 'composed' });
    // As such a file system would: the other spelling leads to the file.
    symlinkSync('caf\u00e9.png', join(path, 'cafe\u0301.png'));
    await expect(read('cafe\u0301.png')).rejects.toThrow(NOT_FOUND);
  });
});

test('a root that is a link is what it leads to', async () => {
  const parent = temporaryDirectory({ 'images/a.png': 'a' });
  symlinkSync('images', join(parent, 'link'));
  const root = await RootDirectory.open(join(parent, 'link'));
  const { handle } = await root.openFile('a.png');
  expect((await handle.readFile()).toString()).toBe('a');
  await handle.close();
});

test.each([
  ['a directory that does not exist', 'gone', 'ENOENT'],
  ['a file', 'a.png', 'ENOTDIR'],
])('%s cannot be a root', async (_, name, code) => {
  const parent = temporaryDirectory();
  writeFileSync(join(parent, 'a.png'), '');
  await expect(RootDirectory.open(join(parent, name))).rejects.toThrow(code);
});

type Read = (name: string) => Promise<string>;

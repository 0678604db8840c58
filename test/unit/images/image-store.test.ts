/** The store over real files: pages, descriptions, parts of files; and files that change while they are read. */
import { jest } from '@jest/globals';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { type ImageStore as Store } from '../../../src/images/image-store.js';
import { patternBytes, temporaryDirectory } from '../../support/temporary-directory.js';

/** Called before each read of a file that the store opened: the moment at which things go wrong. */
let beforeRead: (() => void) | undefined;

jest.unstable_mockModule('node:fs/promises', () => ({
  ...fs,
  open: async (...parameters: Parameters<typeof fs.open>) => {
    const handle = await fs.open(...parameters);
    const read = handle.read.bind(handle) as (...all: unknown[]) => Promise<unknown>;
    handle.read = ((...all: unknown[]) => {
      beforeRead?.();
      return read(...all);
    }) as typeof handle.read;
    return handle;
  },
}));
const { ImageStore } = await import('../../../src/images/image-store.js');

const stores: Store[] = [];
afterEach(async () => {
  beforeRead = undefined;
  await Promise.all(stores.splice(0).map((store) => store.close()));
});

async function storeOver(path: string, options = {}): Promise<Store> {
  const store = await ImageStore.open(path, options);
  stores.push(store);
  return store;
}

async function storeWith(
  files: Record<string, string | Uint8Array>,
): Promise<{ path: string; store: Store }> {
  const path = temporaryDirectory(files);
  return { path, store: await storeOver(path) };
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

describe('list', () => {
  test('says name, size, time and type', async () => {
    const { path, store } = await storeWith({ 'a.png': 'four' });
    utimesSync(join(path, 'a.png'), 1_000, 2_000);
    expect(await store.list()).toEqual({
      images: [{ name: 'a.png', sizeBytes: 4n, modified: new Date(2_000_000), mimeType: 'image/png' }],
      nextPageToken: '',
    });
  });

  test.each([true, false])('pages hold every image once, in order (useProc %s)', async (useProc) => {
    const names = Array.from({ length: 25 }, (_, index) => `${index % 3 === 0 ? 'sub/' : ''}${index}.png`);
    const store = await storeOver(temporaryDirectory(Object.fromEntries(names.map((name) => [name, name]))), {
      useProc,
    });
    for (const pageSize of [1, 7, 25, 26]) {
      const seen: string[] = [];
      let pageToken = '';
      do {
        const page = await store.list({ pageSize, pageToken });
        expect(page.images.length).toBeLessThanOrEqual(pageSize);
        expect(page.images.every(({ name, sizeBytes }) => sizeBytes === BigInt(name.length))).toBe(true);
        seen.push(...page.images.map(({ name }) => name));
        pageToken = page.nextPageToken;
      } while (pageToken !== '');
      expect(seen).toEqual([...names].sort());
    }
  });

  test('a page has 100 images unless asked otherwise, and 1,000 at most', async () => {
    const { store } = await storeWith(
      Object.fromEntries(Array.from({ length: 1_100 }, (_, i) => [`${i}.png`, ''])),
    );
    expect((await store.list()).images).toHaveLength(100);
    expect((await store.list({ pageSize: 1_000_000 })).images).toHaveLength(1_000);
  });

  test('links that lead out are not listed, links inside are, with what they lead to', async () => {
    const { path, store } = await storeWith({ 'a.png': 'four' });
    const outside = temporaryDirectory({ 'secret.png': 'secret' });
    symlinkSync(join(outside, 'secret.png'), join(path, 'out.png'));
    symlinkSync('a.png', join(path, 'in.png'));
    symlinkSync('gone.png', join(path, 'dangling.png'));
    const { images } = await store.list();
    expect(images.map(({ name, sizeBytes }) => [name, sizeBytes])).toEqual([
      ['a.png', 4n],
      ['in.png', 4n],
    ]);
  });

  test('tokens of others and overlong prefixes are INVALID_ARGUMENT', async () => {
    const { store } = await storeWith({});
    await expect(store.list({ pageToken: 'garbage' })).rejects.toThrow('INVALID_ARGUMENT');
    await expect(store.list({ prefix: 'x'.repeat(1_025) })).rejects.toThrow(/INVALID_ARGUMENT.*1024/);
  });

  test('a directory that has gone is an error that names no path', async () => {
    const { path, store } = await storeWith({});
    rmSync(path, { recursive: true });
    await expect(store.list()).rejects.toThrow(
      /INTERNAL: the image server cannot read its directory any more \(ENOENT\)$/,
    );
  });
});

describe('describe', () => {
  test('says everything of an image', async () => {
    const gif = Buffer.from('R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs=', 'base64');
    const { path, store } = await storeWith({ 'sub/dot.gif': gif });
    utimesSync(join(path, 'sub/dot.gif'), 1_000, 2_000);
    expect(await store.describe('sub/dot.gif')).toEqual({
      name: 'sub/dot.gif',
      sizeBytes: BigInt(gif.length),
      modified: new Date(2_000_000),
      mimeType: 'image/gif',
      format: 'gif',
      width: 1,
      height: 1,
      channels: undefined,
      etag: expect.stringMatching(/^[\w-]{22}$/) as string,
      sha256: new Uint8Array(createHash('sha256').update(gif).digest()),
      fletcher32: expect.any(Number) as number,
    });
  });

  test('describes the new version when the file changes under it', async () => {
    const { path, store } = await storeWith({ 'a.png': 'old' });
    beforeRead = () => {
      beforeRead = undefined;
      writeFileSync(join(path, 'a.png'), 'newer');
    };
    const { sizeBytes, sha256, etag } = await store.describe('a.png');
    expect(sizeBytes).toBe(5n);
    expect(sha256).toEqual(new Uint8Array(createHash('sha256').update('newer').digest()));
    expect(etag).toBe((await store.read({ name: 'a.png', offset: 0n, length: 1 })).etag);
  });
});

describe('read', () => {
  test('gives any part, and says where the end is', async () => {
    const bytes = patternBytes(300_000);
    const { store } = await storeWith({ 'a.png': bytes });
    for (const [offset, length] of [
      [0, 1],
      [0, 1_048_576],
      [299_999, 1],
      [100_000, 100_000],
      [200_000, 100_001],
    ] as const) {
      const { data, totalBytes, isLast } = await store.read({
        name: 'a.png',
        offset: BigInt(offset),
        length,
      });
      expect(Buffer.compare(data, bytes.subarray(offset, offset + length))).toBe(0);
      expect([totalBytes, isLast]).toEqual([300_000, offset + length >= 300_000]);
    }
  });

  test('data is a plain array of its own', async () => {
    const { store } = await storeWith({ 'a.png': 'abc' });
    const first = await store.read({ name: 'a.png', offset: 0n, length: 3 });
    const second = await store.read({ name: 'a.png', offset: 0n, length: 3 });
    expect(Buffer.isBuffer(first.data)).toBe(false);
    expect(first.data.buffer.byteLength).toBe(3);
    expect(first.data.buffer).not.toBe(second.data.buffer);
  });

  test('an empty file has one empty chunk', async () => {
    const { store } = await storeWith({ 'a.png': '' });
    expect(await store.read({ name: 'a.png', offset: 0n, length: 10 })).toMatchObject({
      data: new Uint8Array(0),
      totalBytes: 0,
      isLast: true,
    });
    await expect(store.read({ name: 'a.png', offset: 1n, length: 10 })).rejects.toThrow('OUT_OF_RANGE');
  });

  test.each([0, -1, 1_048_577, 4_294_967_295, 1.5, NaN])(
    'length %d is INVALID_ARGUMENT with the limit',
    async (length) => {
      const { store } = await storeWith({ 'a.png': 'abc' });
      await expect(store.read({ name: 'a.png', offset: 0n, length })).rejects.toThrow(
        /INVALID_ARGUMENT.*1048576/,
      );
    },
  );

  test.each([3n, 4n, 2n ** 53n, 2n ** 64n - 1n])(
    'offset %d of 3 bytes is OUT_OF_RANGE with the size',
    async (offset) => {
      const { store } = await storeWith({ 'a.png': 'abc' });
      await expect(store.read({ name: 'a.png', offset, length: 1 })).rejects.toThrow(/OUT_OF_RANGE.*3 bytes/);
    },
  );

  test('another version than if_match is FAILED_PRECONDITION', async () => {
    const { store } = await storeWith({ 'a.png': 'abc' });
    const { etag } = await store.read({ name: 'a.png', offset: 0n, length: 1 });
    await store.read({ name: 'a.png', offset: 0n, length: 1, ifMatch: etag });
    await expect(store.read({ name: 'a.png', offset: 0n, length: 1, ifMatch: 'other' })).rejects.toThrow(
      `FAILED_PRECONDITION: 'a.png' has changed: its etag is ${etag} now, not 'other'`,
    );
  });

  test.each<[string, (path: string) => void]>([
    [
      'replaced',
      (path) => {
        writeFileSync(`${path}.new`, 'new');
        renameSync(`${path}.new`, path);
      },
    ],
    [
      'overwritten',
      (path) => {
        writeFileSync(path, 'new');
      },
    ],
    [
      'overwritten and dated back',
      (path) => {
        writeFileSync(path, 'new');
        utimesSync(path, 1_000, 2_000);
      },
    ],
    [
      'appended to',
      (path) => {
        appendFileSync(path, 'new');
      },
    ],
  ])('a file that was %s is another version at once', async (_, change) => {
    const { path, store } = await storeWith({ 'a.png': 'old' });
    utimesSync(join(path, 'a.png'), 1_000, 2_000);
    const { etag } = await store.read({ name: 'a.png', offset: 0n, length: 3 });
    change(join(path, 'a.png'));
    await expect(store.read({ name: 'a.png', offset: 0n, length: 3, ifMatch: etag })).rejects.toThrow(
      'FAILED_PRECONDITION',
    );
    expect(text((await store.read({ name: 'a.png', offset: 0n, length: 9 })).data)).toContain('new');
  });

  test('a file that was deleted is gone at once', async () => {
    const { path, store } = await storeWith({ 'a.png': 'old' });
    await store.read({ name: 'a.png', offset: 0n, length: 3 });
    rmSync(join(path, 'a.png'));
    await expect(store.read({ name: 'a.png', offset: 0n, length: 3 })).rejects.toThrow(
      "NOT_FOUND: no image 'a.png'",
    );
  });

  test('what is in memory is of a version that was there 10 ms ago, and no older', async () => {
    const { path, store } = await storeWith({ 'a.png': patternBytes(200_000) });
    const date = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 10_000);
    const now = jest.spyOn(performance, 'now').mockReturnValue(1_000);
    try {
      const part = { name: 'a.png', offset: 0n, length: 50_000 };
      const { etag } = await store.read(part);
      await new Promise(setImmediate);
      writeFileSync(join(path, 'a.png'), 'new');
      now.mockReturnValue(1_010);
      const known = await store.read(part);
      expect(known.etag).toBe(etag);
      expect(Buffer.compare(known.data, patternBytes(200_000).subarray(0, 50_000))).toBe(0);
      now.mockReturnValue(1_011);
      expect(text((await store.read(part)).data)).toBe('new');
    } finally {
      date.mockRestore();
      now.mockRestore();
    }
  });

  test('a file replaced in the middle of a chunk: the whole chunk is of the new one, or refused', async () => {
    const { path, store } = await storeWith({ 'a.png': 'old' });
    const { etag } = await store.read({ name: 'a.png', offset: 0n, length: 3 });
    const replace = (): void => {
      beforeRead = undefined;
      writeFileSync(join(path, 'a.png'), 'newer');
    };
    beforeRead = replace;
    expect(text((await store.read({ name: 'a.png', offset: 0n, length: 9 })).data)).toBe('newer');
    writeFileSync(join(path, 'a.png'), 'old');
    beforeRead = replace;
    await expect(store.read({ name: 'a.png', offset: 0n, length: 3, ifMatch: etag })).rejects.toThrow(
      'FAILED_PRECONDITION',
    );
  });

  test('a file that shrinks while it is read', async () => {
    const { path, store } = await storeWith({ 'a.png': patternBytes(10_000) });
    beforeRead = () => {
      beforeRead = undefined;
      truncateSync(join(path, 'a.png'), 100);
    };
    await expect(store.read({ name: 'a.png', offset: 50n, length: 5_000 })).resolves.toMatchObject({
      totalBytes: 100,
      isLast: true,
    });
    beforeRead = () => {
      beforeRead = undefined;
      truncateSync(join(path, 'a.png'), 10);
    };
    await expect(store.read({ name: 'a.png', offset: 50n, length: 50 })).rejects.toThrow(
      /OUT_OF_RANGE.*10 bytes/,
    );
  });

  test('a file that never rests is ABORTED', async () => {
    const { path, store } = await storeWith({ 'a.png': 'abc' });
    beforeRead = () => {
      appendFileSync(join(path, 'a.png'), 'more');
    };
    await expect(store.read({ name: 'a.png', offset: 0n, length: 3 })).rejects.toThrow(
      /ABORTED: 'a.png' keeps changing/,
    );
  });
});

describe('names', () => {
  test.each([
    ['../secret.png', 'INVALID_ARGUMENT'],
    ['sub/../../secret.png', 'INVALID_ARGUMENT'],
    ['/etc/passwd', 'INVALID_ARGUMENT'],
    ['a\0.png', 'INVALID_ARGUMENT'],
    ['..\\secret.png', 'INVALID_ARGUMENT'],
    ['', 'INVALID_ARGUMENT'],
    ['x'.repeat(1_025), 'INVALID_ARGUMENT'],
    ['x'.repeat(1_000), 'NOT_FOUND'],
    ['%2e%2e/secret.png', 'NOT_FOUND'],
    ['out.png', 'NOT_FOUND'],
    ['a.png/b.png', 'NOT_FOUND'],
    ['sub', 'NOT_FOUND'],
    ['.hidden.png', 'NOT_FOUND'],
    ['gone.png', 'NOT_FOUND'],
  ])('%j is %s', async (name, status) => {
    const parent = temporaryDirectory({
      'secret.png': 'secret',
      'root/a.png': '',
      'root/sub/b.png': '',
      'root/.hidden.png': 'hidden',
    });
    symlinkSync('../secret.png', join(parent, 'root', 'out.png'));
    const store = await storeOver(join(parent, 'root'));
    await expect(store.describe(name)).rejects.toThrow(status);
    await expect(store.read({ name, offset: 0n, length: 1 })).rejects.toThrow(status);
  });

  test('a file that is no image can be read by name, though it is not listed', async () => {
    const { store } = await storeWith({ 'notes.txt': 'abc' });
    expect((await store.list()).images).toEqual([]);
    expect(text((await store.read({ name: 'notes.txt', offset: 0n, length: 3 })).data)).toBe('abc');
    expect(await store.describe('notes.txt')).toMatchObject({
      mimeType: 'application/octet-stream',
      format: '',
    });
  });

  // root may read everything
  (process.getuid?.() === 0 ? test.skip : test)(
    'a file that may not be read is PERMISSION_DENIED',
    async () => {
      const { path, store } = await storeWith({ 'a.png': 'abc' });
      chmodSync(join(path, 'a.png'), 0);
      await expect(store.read({ name: 'a.png', offset: 0n, length: 1 })).rejects.toThrow('PERMISSION_DENIED');
    },
  );
});

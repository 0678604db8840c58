/** Parts that are read one after the other and again, from a file that counts its reads. */
import { type BigIntStats } from 'node:fs';
import { type FileHandle } from 'node:fs/promises';
import { BlockCache } from '../../../src/images/block-cache.js';
import { OpenFile } from '../../../src/images/open-files.js';

const PART = 61_440;
const BLOCK = 8 * PART;
const KIB = 1 << 10;
const MIB = 1 << 20;

/** A file whose bytes tell where they are. `reads`: offset and length of each. */
class FakeFile extends OpenFile {
  readonly reads: [number, number][] = [];
  readonly content: Uint8Array;
  failure: Error | undefined;
  /** What is there when less than at the opening. */
  presentBytes: number;
  /** What a look at it finds. */
  look: Promise<boolean> = Promise.resolve(true);

  constructor(bytes: number, version = 1) {
    const reads: [number, number][] = [];
    const handle = {
      read: async (target: Uint8Array, at: number, length: number, offset: number) => {
        reads.push([offset, length]);
        await Promise.resolve();
        if (this.failure !== undefined) throw this.failure;
        const part = this.content.subarray(offset, Math.min(offset + length, this.presentBytes));
        target.set(part, at);
        return { bytesRead: part.length };
      },
    };
    const stats = { size: BigInt(bytes), ino: 1n, dev: 1n, mtimeNs: 1n, ctimeNs: BigInt(version) };
    super('image.bin', handle as unknown as FileHandle, stats as unknown as BigIntStats, 0);
    this.reads = reads;
    this.content = Uint8Array.from({ length: bytes }, (_, index) => (index * 31 + (index >> 8)) & 0xff);
    this.presentBytes = bytes;
  }

  override async isUnchanged(): Promise<boolean> {
    return this.look;
  }
}

const loaded = async (): Promise<void> => new Promise(setImmediate);

async function expectPart(cache: BlockCache, file: FakeFile, offset: number, length: number): Promise<void> {
  const part = await cache.read(file, offset, length);
  expect(Buffer.compare(part, file.content.subarray(offset, offset + length))).toBe(0);
}

async function readAll(cache: BlockCache, file: FakeFile, length: number): Promise<void> {
  for (let offset = 0; offset < file.sizeBytes; offset += length) {
    await expectPart(cache, file, offset, Math.min(length, file.sizeBytes - offset));
  }
}

test.each([61_440, 30_000, 131_072, 262_144, 1_048_576])(
  'read in parts of %d bytes, each part is what the file has there',
  async (length) => {
    const file = new FakeFile(2 * MIB + 5);
    await readAll(new BlockCache(4 * MIB), file, length);
  },
);

test('one after the other: eight parts are one read, and the next reader has them from memory', async () => {
  const file = new FakeFile(2 * BLOCK + 7);
  const cache = new BlockCache(4 * MIB);
  await readAll(cache, file, PART);
  await readAll(cache, file, PART);
  expect(file.reads.slice(0, 2)).toEqual([
    [0, BLOCK],
    [BLOCK, BLOCK],
  ]);
  // The few bytes at the end are a part that is no block's 16th.
  expect(file.reads.slice(2).every(([offset]) => offset === 2 * BLOCK)).toBe(true);
});

test('many at a time, as a fetch asks for them, share their reads too', async () => {
  const file = new FakeFile(4 * BLOCK);
  const cache = new BlockCache(4 * MIB);
  await Promise.all(Array.from({ length: 32 }, (_, index) => expectPart(cache, file, index * PART, PART)));
  expect(file.reads).toHaveLength(4);
});

test('here and there: nothing is read that was not asked for', async () => {
  const file = new FakeFile(MIB);
  const cache = new BlockCache(4 * MIB);
  const places = [700, 3, 512, 90, 400].map((place) => place * KIB);
  for (const offset of places) await expectPart(cache, file, offset, PART);
  expect(file.reads).toEqual(places.map((offset) => [offset, PART]));
  expect(cache.heldBytes).toBe(0);
});

test('of small parts nothing is read ahead: nobody makes a server read what is not sent', async () => {
  const file = new FakeFile(MIB);
  const cache = new BlockCache(4 * MIB);
  for (let offset = 0; offset < 100; offset++) await expectPart(cache, file, offset, 1);
  expect(file.reads).toEqual(Array.from({ length: 100 }, (_, offset) => [offset, 1]));
});

test.each([
  ['of eight readers of one file', 8, [[0, BLOCK]]],
  ['of a ninth no more', 9, [[0, PART]]],
])('it remembers where each stopped, %s', async (_, readers, expected) => {
  const file = new FakeFile(100 * PART);
  const cache = new BlockCache(4 * MIB);
  // The first of them stops in front of a block.
  for (let reader = 0; reader < readers; reader++) await cache.read(file, (7 + 11 * reader) * PART, PART);
  file.reads.length = 0;
  await cache.read(file, BLOCK, PART);
  expect(file.reads.map(([offset, length]) => [offset - BLOCK, length])).toEqual(expected);
});

test.each([
  ['of a thousand files', 1_000, BLOCK],
  ['of two thousand no more', 2_000, PART],
])('it remembers the readers %s', async (_, files, expected) => {
  const first = new FakeFile(2 * BLOCK);
  const cache = new BlockCache(4 * MIB);
  await cache.read(first, 7 * PART, PART);
  for (let index = 2; index <= files; index++) await cache.read(new FakeFile(20, index), 10, 10);
  first.reads.length = 0;
  await cache.read(first, BLOCK, PART);
  expect(first.reads).toEqual([[BLOCK, expected]]);
});

test('another version of the same name is read anew', async () => {
  const [older, newer] = [new FakeFile(BLOCK), new FakeFile(BLOCK, 2)];
  const cache = new BlockCache(4 * MIB);
  await readAll(cache, older, PART);
  await readAll(cache, newer, PART);
  expect(newer.reads).toEqual([[0, BLOCK]]);
});

test('no more is kept than is allowed, and what was used last stays', async () => {
  const files = Array.from({ length: 5 }, (_, index) => new FakeFile(BLOCK, index));
  const cache = new BlockCache(3.5 * BLOCK);
  const [first, second] = files as [FakeFile, FakeFile];
  for (const file of files) {
    await readAll(cache, file, PART);
    await readAll(cache, first, PART);
    expect(cache.heldBytes).toBeLessThanOrEqual(3.5 * BLOCK);
  }
  expect(first.reads).toHaveLength(1);
  await readAll(cache, second, PART);
  expect(second.reads).toHaveLength(2);
});

test('of a file that was changed just now nothing is kept: it may change again and look the same', async () => {
  const file = new FakeFile(BLOCK, Date.now() * 1_000_000);
  const cache = new BlockCache(4 * MIB);
  await readAll(cache, file, PART);
  await readAll(cache, file, PART);
  expect(file.reads).toHaveLength(16);
  expect(cache.heldBytes).toBe(0);
});

test('without a cache each part is read by itself', async () => {
  const file = new FakeFile(BLOCK);
  await readAll(new BlockCache(0), file, PART);
  expect(file.reads).toHaveLength(8);
});

test('a block is given at once when its file was found unchanged after it was read, not before', async () => {
  const file = new FakeFile(BLOCK);
  const cache = new BlockCache(4 * MIB);
  let answer: (isUnchanged: boolean) => void = () => undefined;
  file.look = new Promise((resolve) => {
    answer = resolve;
  });
  const first = cache.read(file, 0, PART);
  await first;
  const second = cache.read(file, PART, PART);
  expect([first instanceof Promise, second instanceof Promise]).toEqual([true, true]);
  answer(true);
  await loaded();
  expect(cache.read(file, 2 * PART, PART)).toEqual(file.content.subarray(2 * PART, 3 * PART));
  expect(file.reads).toHaveLength(1);
});

test('a block of a file that was changed while it was read is forgotten', async () => {
  const file = new FakeFile(BLOCK);
  const cache = new BlockCache(4 * MIB);
  file.look = Promise.resolve(false);
  await cache.read(file, 0, PART);
  await loaded();
  expect(cache.heldBytes).toBe(0);
  expect(cache.read(file, 0, PART)).toBeInstanceOf(Promise);
  expect(file.reads).toHaveLength(2);
});

test('a read that failed is met by who waits for it, and read anew by who comes later', async () => {
  const file = new FakeFile(MIB);
  const cache = new BlockCache(4 * MIB);
  file.failure = new Error('EIO');
  const both = [0, PART].map(async (offset) => cache.read(file, offset, PART));
  for (const { status } of await Promise.allSettled(both)) expect(status).toBe('rejected');
  file.failure = undefined;
  await readAll(cache, file, PART);
});

test('of a file that has shrunk there are fewer bytes', async () => {
  const file = new FakeFile(BLOCK);
  file.presentBytes = PART + 100;
  const cache = new BlockCache(4 * MIB);
  const lengths = [0, 1, 2].map(async (part) => (await cache.read(file, part * PART, PART)).length);
  expect(await Promise.all(lengths)).toEqual([PART, 100, 0]);
});

test('of a great many tiny files it keeps no more than it says, their administration included', async () => {
  const limit = MIB;
  const cache = new BlockCache(limit);
  const files = Array.from({ length: 5_000 }, (_, version) => new FakeFile(1, version));
  for (const file of files) await cache.read(file, 0, 1);
  expect(cache.heldBytes).toBeLessThanOrEqual(limit);
  // From the newest on: what is read anew takes the place of older ones.
  for (const file of files.toReversed()) await cache.read(file, 0, 1);
  const kept = files.filter(({ reads }) => reads.length === 1);
  expect(kept.length).toBeGreaterThan(0);
  expect(kept.length).toBeLessThanOrEqual(limit / 1_024);
});

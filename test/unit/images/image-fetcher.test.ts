/**
 * Whole fetches against the real service without a network: in any order of answers, with answers that lie, files that
 * change and callers that leave. What is on the disk afterwards is the whole image or nothing.
 */
import { jest } from '@jest/globals';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { ServerError, Status } from 'nice-grpc-common';
import {
  GetChunkRequest,
  type GetChunkResponse,
  GetMetaRequest,
  type GetMetaResponse,
  ListRequest,
} from '../../../generated/image/v1/image.js';
import { type ImageClient, listImages } from '../../../src/images/image-client.js';
import { fetchImage, type FetchOptions } from '../../../src/images/image-fetcher.js';
import { createImageService } from '../../../src/images/image-service.js';
import { ImageStore } from '../../../src/images/image-store.js';
import { patternBytes, temporaryDirectory } from '../../support/temporary-directory.js';

const EVERYTHING_BUT_PERFORMANCE = [
  'Date',
  'hrtime',
  'nextTick',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
  'setTimeout',
  'clearTimeout',
] as const;

/** What a test puts between the client and the service; each may look, wait, change the answer or throw. */
interface Interference {
  onMeta?: (response: GetMetaResponse, callNumber: number) => GetMetaResponse | Promise<GetMetaResponse>;
  onChunk?: (
    response: GetChunkResponse,
    request: GetChunkRequest,
    signal: AbortSignal,
  ) => GetChunkResponse | Promise<GetChunkResponse>;
}

const stores: ImageStore[] = [];
afterEach(async () => {
  jest.useRealTimers();
  await Promise.all(stores.splice(0).map((store) => store.close()));
});

async function setUp(files: Record<string, string | Uint8Array>, interference: Interference = {}) {
  const source = temporaryDirectory(files);
  const directory = join(temporaryDirectory(), 'out');
  const store = await ImageStore.open(source);
  stores.push(store);
  const service = createImageService(store);
  const counts = { meta: 0, chunk: 0, running: 0, maxRunning: 0 };
  const never = new AbortController().signal;
  const client: ImageClient = {
    list: (request, { signal = never } = {}) => service.list(ListRequest.fromPartial(request), { signal }),
    getMeta: async (request, { signal = never } = {}) => {
      const callNumber = ++counts.meta;
      const response = await service.getMeta(GetMetaRequest.fromPartial(request), { signal });
      return interference.onMeta === undefined ? response : interference.onMeta(response, callNumber);
    },
    getChunk: async (partial, { signal = never } = {}) => {
      signal.throwIfAborted();
      counts.chunk++;
      counts.maxRunning = Math.max(counts.maxRunning, ++counts.running);
      try {
        const request = GetChunkRequest.fromPartial(partial);
        const response = await service.getChunk(request, { signal });
        return interference.onChunk === undefined
          ? response
          : await interference.onChunk(response, request, signal);
      } finally {
        counts.running--;
      }
    },
  };
  const fetch = (name: string, options: FetchOptions = {}) =>
    fetchImage(client, name, { directory, ...options });
  const left = (): string[] => (existsSync(directory) ? readdirSync(directory) : []);
  return { source, directory, client, counts, fetch, left };
}

const whenAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const fail = (): void => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });

test.each([0, 1, 999, 1_000, 1_001, 123_456])('an image of %d bytes arrives whole', async (length) => {
  const bytes = patternBytes(length);
  const { fetch, directory, left, counts } = await setUp({ 'sub/a.png': bytes });
  const progress: number[] = [];
  const fetched = await fetch('sub/a.png', {
    chunkBytes: 1_000,
    onProgress: ({ name, receivedBytes, totalBytes }) => {
      expect([name, totalBytes]).toEqual(['sub/a.png', length]);
      progress.push(receivedBytes);
    },
  });
  expect(Buffer.compare(readFileSync(join(directory, 'sub/a.png')), bytes)).toBe(0);
  expect(fetched).toEqual({
    name: 'sub/a.png',
    path: join(directory, 'sub/a.png'),
    bytes: length,
    seconds: expect.any(Number) as number,
    sha256: new Uint8Array(createHash('sha256').update(bytes).digest()),
  });
  expect(counts).toMatchObject({ meta: 1, chunk: Math.max(1, Math.ceil(length / 1_000)) });
  expect(progress).toEqual([...progress].sort((a, b) => a - b));
  expect(progress.at(-1)).toBe(length);
  expect(left()).toEqual(['sub']);
});

test('chunks may arrive in any order', async () => {
  const bytes = patternBytes(20_000);
  await fc.assert(
    fc.asyncProperty(fc.infiniteStream(fc.nat({ max: 4 })), async (delays) => {
      const { fetch, directory } = await setUp(
        { 'a.png': bytes },
        {
          onChunk: async (response) => {
            const { value: turns = 0 } = delays.next() as { value?: number };
            for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
            return response;
          },
        },
      );
      await fetch('a.png', { chunkBytes: 1_000, maxCalls: 5 });
      expect(Buffer.compare(readFileSync(join(directory, 'a.png')), bytes)).toBe(0);
    }),
    { numRuns: 15 },
  );
});

test('as many calls run as may, and no more wait for one that is late than memory is meant for', async () => {
  let release!: () => void;
  const late = new Promise<void>((resolve) => {
    release = resolve;
  });
  let last = 0;
  const { fetch, counts } = await setUp(
    { 'a.png': patternBytes(100_000) },
    {
      onChunk: async (response, { offset }) => {
        last = Math.max(last, Number(offset));
        if (offset === 1_000n) await late;
        return response;
      },
    },
  );
  const fetching = fetch('a.png', { chunkBytes: 1_000, maxCalls: 4 });
  // All that can happen while one chunk is missing does: 2 windows of 4 chunks after the first.
  while (last < 8_000) await new Promise(setImmediate);
  for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
  expect(last).toBe(8_000);
  release();
  await fetching;
  expect(counts.maxRunning).toBe(4);
});

test.each([
  // What arrives in two thirds of a call's deadline, in chunks of an eighth of it.
  ['slow', 20, (20 * 20_000) / 8, 20 * 20_000],
  ['fast', 50_000, 61_440, 64 * 61_440],
])(
  'a %s link, of %d bytes a millisecond, is asked for what it can bear',
  async (_, rate, chunkBytes, inFlightBytes) => {
    jest.useFakeTimers({ doNotFake: [...EVERYTHING_BUT_PERFORMANCE] });
    const lengths: number[] = [];
    let inFlight = 0;
    let maxInFlight = 0;
    // Calls are answered one after the other, each as long after the last as its bytes take.
    let link = Promise.resolve();
    const { fetch, directory } = await setUp(
      { 'a.png': patternBytes(10_000_000) },
      {
        onChunk: async (response, { length }) => {
          lengths.push(length);
          inFlight += length;
          maxInFlight = Math.max(maxInFlight, inFlight);
          link = link.then(async () => {
            await new Promise(setImmediate);
            jest.advanceTimersByTime(Math.ceil(length / rate));
          });
          await link;
          inFlight -= length;
          return response;
        },
      },
    );
    await fetch('a.png');
    expect(lengths[0]).toBe(2 * 61_440);
    expect(Math.max(...lengths.slice(1))).toBeLessThanOrEqual(chunkBytes);
    expect(Math.max(...lengths.slice(1))).toBeGreaterThan(chunkBytes / 2);
    expect(maxInFlight).toBeLessThanOrEqual(inFlightBytes);
    expect(maxInFlight).toBeGreaterThan(inFlightBytes / 2);
    expect(Buffer.compare(readFileSync(join(directory, 'a.png')), patternBytes(10_000_000))).toBe(0);
  },
);

test('the rest is asked for as soon as the description has told its size', async () => {
  const { fetch, counts } = await setUp(
    { 'a.png': patternBytes(5_000) },
    {
      onChunk: async (response, { offset }) => {
        // The first chunk comes last of the first five.
        while (offset === 0n && counts.chunk < 5) await new Promise(setImmediate);
        return response;
      },
    },
  );
  await fetch('a.png', { chunkBytes: 1_000 });
  expect(counts.chunk).toBe(5);
});

test('the description and the first chunk are asked for at the same time', async () => {
  let isFirstAsked!: () => void;
  const firstAsked = new Promise<void>((resolve) => {
    isFirstAsked = resolve;
  });
  const { fetch } = await setUp(
    { 'a.png': 'a' },
    {
      onMeta: async (response) => {
        await firstAsked;
        return response;
      },
      onChunk: (response) => {
        isFirstAsked();
        return response;
      },
    },
  );
  await fetch('a.png');
});

test('an image that does not exist: the status, and nothing is made', async () => {
  const { fetch, directory } = await setUp({});
  await expect(fetch('gone.png')).rejects.toThrow("NOT_FOUND: no image 'gone.png'");
  expect(existsSync(directory)).toBe(false);
});

test.each(['../a.png', '/a.png', '.bashrc'])('%j never reaches the server or the disk', async (name) => {
  const { fetch, directory, counts } = await setUp({ 'a.png': 'a' });
  await expect(fetch(name)).rejects.toThrow('INVALID_ARGUMENT');
  expect(existsSync(directory)).toBe(false);
  expect(counts.chunk).toBe(0);
});

test('an image that changes during a fetch is fetched again, whole', async () => {
  const newer = patternBytes(30_000, 2);
  let source = '';
  let isChanged = false;
  const setup = await setUp(
    { 'a.png': patternBytes(20_000) },
    {
      onChunk: (response, { offset }) => {
        if (offset > 5_000n && !isChanged) {
          isChanged = true;
          writeFileSync(join(source, 'a.png'), newer);
        }
        return response;
      },
    },
  );
  ({ source } = setup);
  const { bytes } = await setup.fetch('a.png', { chunkBytes: 1_000, maxCalls: 4 });
  expect(bytes).toBe(30_000);
  expect(Buffer.compare(readFileSync(join(setup.directory, 'a.png')), newer)).toBe(0);
  expect(setup.left()).toEqual(['a.png']);
});

test('an image that changes in each attempt is given up, after so many', async () => {
  let source = '';
  let version = 1;
  const setup = await setUp(
    { 'a.png': patternBytes(20_000) },
    {
      onChunk: (response, { offset }) => {
        if (offset === 5_000n) writeFileSync(join(source, 'a.png'), patternBytes(20_000, ++version));
        return response;
      },
    },
  );
  ({ source } = setup);
  await expect(setup.fetch('a.png', { chunkBytes: 1_000, maxCalls: 2 })).rejects.toThrow(
    /^ABORTED: 'a.png' changed in each of 3 attempts to fetch it: /,
  );
  expect(version).toBe(4);
  expect(setup.left()).toEqual([]);
});

test('what arrives altered is never given the name', async () => {
  const { fetch, left, counts } = await setUp(
    { 'a.png': patternBytes(20_000) },
    {
      onChunk: (response, { offset }) => {
        const data = response.data.slice();
        if (offset === 3_000n) data[500] = (data[500] ?? 0) ^ 1;
        return { ...response, data };
      },
    },
  );
  await expect(fetch('a.png', { chunkBytes: 1_000 })).rejects.toThrow(/ABORTED.*SHA-256/);
  expect(counts.meta).toBe(3);
  expect(left()).toEqual([]);
});

test.each<[string, (response: GetChunkResponse) => GetChunkResponse, string]>([
  ['too short', (response) => ({ ...response, data: response.data.subarray(1) }), 'DATA_LOSS'],
  ['too long', (response) => ({ ...response, data: new Uint8Array(1_001) }), 'DATA_LOSS'],
  ['of another size', (response) => ({ ...response, totalSize: 7n }), 'ABORTED'],
  ['of another version', (response) => ({ ...response, etag: 'other' }), 'ABORTED'],
])('a chunk that is %s ends the fetch', async (_, alter, status) => {
  const { fetch, left } = await setUp(
    { 'a.png': patternBytes(20_000) },
    { onChunk: (response, { offset }) => (offset === 3_000n ? alter(response) : response) },
  );
  await expect(fetch('a.png', { chunkBytes: 1_000 })).rejects.toThrow(status);
  expect(left()).toEqual([]);
});

test.each([2n ** 53n, 2n ** 64n - 1n])('a size of %d is refused', async (totalSize) => {
  const { fetch, directory } = await setUp(
    { 'a.png': 'a' },
    { onChunk: (response) => ({ ...response, totalSize }) },
  );
  await expect(fetch('a.png')).rejects.toThrow('OUT_OF_RANGE');
  expect(existsSync(directory)).toBe(false);
});

test.each([0n, 5_000n])(
  'a call that fails at offset %d ends the fetch, and the calls beside it',
  async (failing) => {
    const { fetch, left, counts } = await setUp(
      { 'a.png': patternBytes(20_000) },
      {
        onChunk: (response, { offset }, signal) => {
          if (offset === failing) throw new ServerError(Status.UNAVAILABLE, 'gone');
          return offset < failing ? response : whenAborted(signal);
        },
      },
    );
    await expect(fetch('a.png', { chunkBytes: 1_000 })).rejects.toThrow('UNAVAILABLE: gone');
    expect(counts.running).toBe(0);
    expect(left()).toEqual([]);
  },
);

test('a description that fails late ends the fetch too', async () => {
  let fail!: (error: Error) => void;
  const failure = new Promise<never>((_, reject) => {
    fail = reject;
  });
  const { fetch, left } = await setUp(
    { 'a.png': patternBytes(20_000) },
    {
      onMeta: () => failure,
      onChunk: (response, { offset }, signal) => {
        if (offset === 0n) return response;
        fail(new ServerError(Status.DATA_LOSS, 'the disk failed'));
        return whenAborted(signal);
      },
    },
  );
  await expect(fetch('a.png', { chunkBytes: 1_000 })).rejects.toThrow('DATA_LOSS: the disk failed');
  expect(left()).toEqual([]);
});

test('a description that takes longer than a call may is asked for again while bytes arrive', async () => {
  let isAsked!: () => void;
  const asked = new Promise<void>((resolve) => {
    isAsked = resolve;
  });
  const { fetch, counts } = await setUp(
    { 'a.png': patternBytes(3_000) },
    {
      onMeta: async (response, callNumber) => {
        if (callNumber === 2) return response;
        await asked;
        throw new ServerError(Status.DEADLINE_EXCEEDED, 'too late');
      },
      onChunk: (response, { offset }) => {
        if (offset === 2_000n) isAsked();
        return response;
      },
    },
  );
  await fetch('a.png', { chunkBytes: 1_000 });
  expect(counts.meta).toBe(2);
});

test('a server that does not answer is not asked for ever', async () => {
  const { fetch, counts } = await setUp(
    { 'a.png': 'a' },
    {
      onMeta: () => {
        throw new ServerError(Status.DEADLINE_EXCEEDED, 'too late');
      },
      onChunk: (_, __, signal) => whenAborted(signal),
    },
  );
  await expect(fetch('a.png')).rejects.toThrow('DEADLINE_EXCEEDED');
  expect(counts.meta).toBe(1);
});

test('a fetch has ended when its calls have, however slow they are to notice', async () => {
  const { fetch, counts } = await setUp(
    { 'a.png': patternBytes(20_000) },
    {
      onChunk: async (response, { offset }, signal) => {
        if (offset === 0n) return response;
        if (offset === 5_000n) throw new ServerError(Status.UNAVAILABLE, 'gone');
        await whenAborted(signal).catch(() => undefined);
        for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
        return response;
      },
    },
  );
  await expect(fetch('a.png', { chunkBytes: 1_000 })).rejects.toThrow('UNAVAILABLE');
  expect(counts.running).toBe(0);
});

test.each([0n, 5_000n])('aborted at offset %d, it leaves nothing and throws the reason', async (place) => {
  const leaving = new AbortController();
  const { fetch, left, counts } = await setUp(
    { 'a.png': patternBytes(20_000) },
    {
      onChunk: (response, { offset }, signal) => {
        if (offset < place) return response;
        if (offset === place) leaving.abort(new Error('I left'));
        return whenAborted(signal);
      },
    },
  );
  await expect(fetch('a.png', { chunkBytes: 1_000, signal: leaving.signal })).rejects.toThrow('I left');
  expect(counts.running).toBe(0);
  expect(left()).toEqual([]);
});

test('a place that cannot be written to is said once, without restarts', async () => {
  const { fetch, counts } = await setUp({ 'a.png': 'a' });
  const file = join(temporaryDirectory({ file: '' }), 'file');
  await expect(fetch('a.png', { directory: file })).rejects.toThrow(
    /FAILED_PRECONDITION: cannot write .*\/file\/a.png/,
  );
  expect(counts.meta).toBe(1);
});

test('listImages goes through all pages', async () => {
  const names = Array.from({ length: 2_100 }, (_, index) => `${index}.png`);
  const { client } = await setUp(Object.fromEntries(names.map((name) => [name, ''])));
  const listed: string[] = [];
  for await (const { name } of listImages(client, { prefix: '1' })) listed.push(name);
  expect(listed).toEqual(names.filter((name) => name.startsWith('1')).sort());
});

import fc from 'fast-check';
import { ReplyCache, RunningReply } from '../../../../src/rpc/server/reply-cache.js';

const bytes = (length: number, value = 7): Uint8Array => new Uint8Array(length).fill(value);
const ENTRY_BYTES = 512;

function cacheOf(maxCachedReplyBytes = 100, maxReplyCacheBytes = 10_000): ReplyCache {
  return new ReplyCache({ maxCachedReplyBytes, maxReplyCacheBytes });
}

function isRunning(cache: ReplyCache, requestId: string, now = 0): boolean {
  return cache.find(requestId, now) instanceof RunningReply;
}

describe('a reply cache', () => {
  test('[AMO-5] knows nothing of a request, then that it runs, then its answer', () => {
    const cache = cacheOf();
    expect(cache.find('a-1', 0)).toBeUndefined();
    const running = cache.begin('a-1');
    expect(cache.find('a-1', 0)).toBe(running);
    expect(cache.find('a-2', 0)).toBeUndefined();
    running.complete([Uint8Array.of(1, 2), Uint8Array.of(), Uint8Array.of(3)], 0);
    expect(cache.find('a-1', 0)).toEqual(Uint8Array.of(1, 2, 3));
  });

  test('keeps a copy, whatever its writer does with the buffer', () => {
    const cache = cacheOf();
    const buffer = bytes(10, 1);
    cache.begin('a-1').complete([buffer.subarray(2, 5)], 0);
    buffer.fill(9);
    const kept = cache.find('a-1', 0) as Uint8Array;
    expect(kept).toEqual(bytes(3, 1));
    expect(kept.buffer.byteLength).toBe(3);
  });

  test('[AMO-5] forgets an answer after 300 s', () => {
    const cache = cacheOf();
    cache.begin('a-1').complete([bytes(5)], 1_000);
    cache.begin('a-2').complete([bytes(5)], 2_000);
    expect(cache.find('a-1', 300_999)).toEqual(bytes(5));
    expect(cache.find('a-1', 301_000)).toBeUndefined();
    expect(cache.find('a-2', 301_000)).toEqual(bytes(5));
    expect(cache.keptBytes).toBe(5 + ENTRY_BYTES);
  });

  test('a call that runs is not forgotten, however long', () => {
    const cache = cacheOf();
    cache.begin('a-1');
    expect(isRunning(cache, 'a-1', 10_000_000)).toBe(true);
  });

  test('keeps no answer above maxCachedReplyBytes', () => {
    const cache = cacheOf(100);
    cache.begin('a-1').complete([bytes(60), bytes(40)], 0);
    cache.begin('a-2').complete([bytes(60), bytes(41)], 0);
    expect(cache.find('a-1', 0)).toEqual(bytes(100));
    expect(cache.find('a-2', 0)).toBeUndefined();
  });

  test('beyond maxReplyCacheBytes the oldest answers go, as many as it takes', () => {
    const cache = cacheOf(5_000, 3 * (ENTRY_BYTES + 100));
    for (const id of ['a', 'b', 'c']) cache.begin(id).complete([bytes(100)], 0);
    expect(cache.find('a', 0)).toEqual(bytes(100));
    cache.begin('d').complete([bytes(101)], 0);
    expect(['a', 'b', 'c', 'd'].map((id) => cache.find(id, 0)?.constructor)).toEqual([
      undefined,
      undefined,
      Uint8Array,
      Uint8Array,
    ]);
    cache.begin('e').complete([bytes(3 * (ENTRY_BYTES + 100))], 0);
    expect(cache.find('e', 0)).toBeUndefined();
    expect(cache.find('d', 0)).toEqual(bytes(101));
  });

  test('an abandoned call leaves nothing', () => {
    const cache = cacheOf();
    cache.begin('a-1').abandon(0);
    expect(cache.find('a-1', 0)).toBeUndefined();
  });
});

describe('those that join a running call', () => {
  test('[AMO-5] all get its answer, once, also one that is too large to be kept', () => {
    for (const length of [50, 200]) {
      const running = cacheOf(100).begin('a-1');
      const replies: (Uint8Array | undefined)[] = [];
      expect(running.hasListeners).toBe(false);
      running.join((reply) => replies.push(reply));
      running.join((reply) => replies.push(reply));
      expect(running.hasListeners).toBe(true);
      running.complete([bytes(length)], 0);
      expect(replies).toEqual([bytes(length), bytes(length)]);
    }
  });

  test('hear that there is none', () => {
    const running = cacheOf().begin('a-1');
    const replies: (Uint8Array | undefined)[] = [];
    running.join((reply) => replies.push(reply));
    running.abandon(0);
    expect(replies).toEqual([undefined]);
  });

  test('hear nothing after they have left', () => {
    const running = cacheOf().begin('a-1');
    const replies: (Uint8Array | undefined)[] = [];
    const listener = (reply: Uint8Array | undefined): number => replies.push(reply);
    running.join(listener);
    running.leave(listener);
    expect(running.hasListeners).toBe(false);
    running.complete([bytes(5)], 0);
    expect(replies).toEqual([]);
  });

  test('find the answer kept when they are told of it', () => {
    const cache = cacheOf();
    const running = cache.begin('a-1');
    let found: unknown;
    running.join(() => (found = cache.find('a-1', 0)));
    running.complete([bytes(5)], 0);
    expect(found).toEqual(bytes(5));
  });
});

test('counts what it keeps exactly, and keeps the newest that fit', () => {
  const step = fc.record({
    size: fc.nat(120),
    waitMs: fc.oneof(fc.nat(1_000), fc.nat(200_000)),
    isAbandoned: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 0, max: 6_000 }), (steps, limit) => {
      const cache = cacheOf(100, limit);
      let kept: { id: string; size: number; until: number }[] = [];
      const held = (): number => kept.reduce((sum, { size }) => sum + size + ENTRY_BYTES, 0);
      let now = 0;
      for (const [index, { size, waitMs, isAbandoned }] of steps.entries()) {
        const running = cache.begin(String(index));
        now += waitMs;
        if (isAbandoned) running.abandon(now);
        else running.complete([bytes(size)], now);
        kept = kept.filter(({ until }) => until > now);
        if (!isAbandoned && size <= 100 && size + ENTRY_BYTES <= limit) {
          kept.push({ id: String(index), size, until: now + 300_000 });
          while (held() > limit) kept.shift();
        }
        const found = [...steps.keys()].filter((each) => cache.find(String(each), now) !== undefined);
        expect(found.map(String)).toEqual(kept.map(({ id }) => id));
        expect(cache.keptBytes).toBe(held());
      }
    }),
  );
});

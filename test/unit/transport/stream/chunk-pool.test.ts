import { BufferBudget } from '../../../../src/transport/stream/buffer-budget.js';
import { ChunkPool, LARGEST_CHUNK_BYTES } from '../../../../src/transport/stream/chunk-pool.js';

describe('ChunkPool', () => {
  test('a chunk is sized to need, and never above the largest', () => {
    const pool = new ChunkPool(new BufferBudget());
    const sizes = [1, 256, 257, 5_000, 20_000, 10_000_000].map(
      (bytes) => pool.acquire(bytes, 0).bytes.length,
    );
    expect(sizes).toEqual([256, 256, 1_024, 16_384, 65_536, LARGEST_CHUNK_BYTES]);
  });

  test('a released chunk is the next one of its size, empty again', () => {
    const pool = new ChunkPool(new BufferBudget());
    const chunk = pool.acquire(100, 0);
    chunk.used = 100;
    pool.release(chunk);
    expect(pool.freeBytes).toBe(256);
    const next = pool.acquire(200, 4_000);
    expect(next).toBe(chunk);
    expect([next.start, next.used, next.next]).toEqual([4_000, 0, undefined]);
    expect([pool.freeBytes, pool.usedBytes]).toEqual([0, 256]);
  });

  test('several free chunks come back one by one', () => {
    const pool = new ChunkPool(new BufferBudget());
    const chunks = new Set([pool.acquire(1, 0), pool.acquire(1, 0), pool.acquire(1, 0)]);
    for (const chunk of chunks) pool.release(chunk);
    expect(new Set([pool.acquire(1, 0), pool.acquire(1, 0), pool.acquire(1, 0)])).toEqual(chunks);
    expect(pool.freeBytes).toBe(0);
  });

  test('what is free is bounded', () => {
    const pool = new ChunkPool(new BufferBudget(), 100_000);
    const chunks = [pool.acquire(65_536, 0), pool.acquire(65_536, 0), pool.acquire(16_384, 0)];
    for (const chunk of chunks) pool.release(chunk);
    expect([pool.freeBytes, pool.usedBytes]).toEqual([65_536 + 16_384, 0]);
  });
});

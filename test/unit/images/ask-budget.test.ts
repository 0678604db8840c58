import { AskBudget } from '../../../src/images/ask-budget.js';

const KIB = 1_024;
const CHUNK = 256 * KIB;

/** As it is when chunks of so many bytes came soon. */
function grown(maxBytes: number, bytes: number): AskBudget {
  const budget = new AskBudget(maxBytes);
  budget.onChunk(bytes, 0, 100);
  return budget;
}

test('begins with 256 KiB, less where less is allowed, and never below 128 KiB', () => {
  expect(new AskBudget(16 * CHUNK).bytes).toBe(CHUNK);
  expect(new AskBudget(200 * KIB).bytes).toBe(200 * KIB);
  expect(new AskBudget(1_000).bytes).toBe(128 * KIB);
});

test('doubles with each round of chunks that come soon, up to its limit', () => {
  const budget = new AskBudget(3 * CHUNK);
  for (let i = 0; i < 4; i++) budget.onChunk(64 * KIB, 0, 4_000);
  expect(budget.bytes).toBe(2 * CHUNK);
  for (let i = 0; i < 8; i++) budget.onChunk(64 * KIB, 4_000, 8_000);
  expect(budget.bytes).toBe(3 * CHUNK);
});

test('grows up to eight times as fast when chunks come at once', () => {
  for (const [tookMs, growth] of [
    [0, 8],
    [10, 8],
    [25, 4],
    [100, 1],
    [1_000, 1],
  ] as const) {
    const budget = new AskBudget(16 * CHUNK);
    budget.onChunk(32 * KIB, 7_000, 7_000 + tookMs);
    expect(budget.bytes).toBe(CHUNK + growth * 32 * KIB);
  }
});

test('stays where it is while chunks are neither soon nor late', () => {
  const budget = grown(16 * CHUNK, CHUNK);
  budget.onChunk(CHUNK, 0, 4_001);
  budget.onChunk(CHUNK, 0, 8_000);
  expect(budget.bytes).toBe(2 * CHUNK);
});

test('shrinks by how late a chunk is, once for all that were asked for before it shrank', () => {
  const budget = grown(16 * CHUNK, 7 * CHUNK);
  expect(budget.bytes).toBe(8 * CHUNK);
  budget.onChunk(CHUNK, 1_000, 17_000);
  expect(budget.bytes).toBe(2 * CHUNK);
  budget.onChunk(CHUNK, 16_999, 40_000);
  expect(budget.bytes).toBe(2 * CHUNK);
  budget.onChunk(CHUNK, 17_001, 33_001);
  expect(budget.bytes).toBe(CHUNK / 2);
});

test('a chunk is an eighth of the budget, within its limits', () => {
  expect(new AskBudget(16 * CHUNK).chunkBytes(CHUNK)).toBe(32 * KIB);
  expect(grown(16 * CHUNK, CHUNK).chunkBytes(CHUNK)).toBe(64 * KIB);
  expect(grown(16 * CHUNK, 15 * CHUNK).chunkBytes(CHUNK)).toBe(CHUNK);
  expect(new AskBudget(1_000).chunkBytes(1_000)).toBe(1_000);
});

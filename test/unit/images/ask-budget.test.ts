import { AskBudget } from '../../../src/images/ask-budget.js';

const KIB = 1_024;
const CHUNK = 256 * KIB;

test('a first chunk that came soon is doubled, one that took long leaves the least', () => {
  const fast = new AskBudget(16 * CHUNK);
  fast.onFirst(CHUNK, 0, 600);
  expect(fast.bytes).toBe(2 * CHUNK);
  const slow = new AskBudget(16 * CHUNK);
  slow.onFirst(CHUNK, 0, 16_000);
  // A quarter of the time that is soon enough: a quarter of the bytes, and no less than 128 KiB.
  expect(slow.bytes).toBe(128 * KIB);
});

test('doubles with each round of chunks that come soon, up to its limit', () => {
  const budget = new AskBudget(4 * CHUNK);
  budget.onFirst(CHUNK, 0, 100);
  for (let i = 0; i < 8; i++) budget.onChunk(64 * KIB, 100, 200);
  expect(budget.bytes).toBe(4 * CHUNK);
  budget.onChunk(64 * KIB, 200, 300);
  expect(budget.bytes).toBe(4 * CHUNK);
});

test('stays where it is while chunks are neither soon nor late', () => {
  const budget = new AskBudget(16 * CHUNK);
  budget.onFirst(CHUNK, 0, 100);
  budget.onChunk(CHUNK, 0, 4_001);
  budget.onChunk(CHUNK, 0, 8_000);
  expect(budget.bytes).toBe(2 * CHUNK);
});

test('shrinks once for all that were asked for before it shrank', () => {
  const budget = new AskBudget(16 * CHUNK);
  budget.onFirst(4 * CHUNK, 0, 100);
  expect(budget.bytes).toBe(8 * CHUNK);
  budget.onChunk(CHUNK, 1_000, 17_000);
  expect(budget.bytes).toBe(2 * CHUNK);
  budget.onChunk(CHUNK, 16_999, 40_000);
  expect(budget.bytes).toBe(2 * CHUNK);
  budget.onChunk(CHUNK, 17_001, 33_001);
  expect(budget.bytes).toBe(CHUNK / 2);
});

test('a chunk is an eighth of the budget, within its limits', () => {
  const budget = new AskBudget(16 * CHUNK);
  expect(budget.chunkBytes(CHUNK)).toBe(32 * KIB);
  budget.onFirst(CHUNK, 0, 100);
  expect(budget.chunkBytes(CHUNK)).toBe(64 * KIB);
  for (let i = 0; i < 8; i++) budget.onChunk(CHUNK, 100, 200);
  expect(budget.chunkBytes(CHUNK)).toBe(CHUNK);
});

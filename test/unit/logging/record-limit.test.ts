import { RecordLimit } from '../../../src/logging/record-limit.js';

test('so many in a second, and the next one says how many were left out', () => {
  const limit = new RecordLimit(3);
  const taken = [0, 100, 200, 300, 999, 1_000, 1_001, 2_500].map((now) => limit.take(now));
  expect(taken).toEqual([0, 0, 0, undefined, undefined, 2, 0, 0]);
});

test('Infinity leaves nothing out', () => {
  const limit = new RecordLimit(Infinity);
  expect(Array.from({ length: 10_000 }, () => limit.take(0)).every((count) => count === 0)).toBe(true);
});

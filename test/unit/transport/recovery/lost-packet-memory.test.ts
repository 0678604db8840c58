import fc from 'fast-check';
import { LostPacketMemory } from '../../../../src/transport/recovery/lost-packet-memory.js';
import { rangesOf } from './packets.js';

test('finds each remembered packet once, and names the smallest', () => {
  const memory = new LostPacketMemory(10);
  for (const number of [3, 4, 9, 20]) memory.remember(number);
  expect(memory.takeAcknowledged([18, 25, 4, 9])).toBe(4);
  expect(memory.count).toBe(1);
  expect(memory.takeAcknowledged([4, 25])).toBeUndefined();
  expect(memory.takeAcknowledged([0, 3])).toBe(3);
  expect(memory.count).toBe(0);
});

test('forgets the oldest beyond its limit', () => {
  const memory = new LostPacketMemory(3);
  for (const number of [1, 2, 3, 4]) memory.remember(number);
  expect(memory.count).toBe(3);
  expect(memory.takeAcknowledged([1, 1])).toBeUndefined();
  expect(memory.takeAcknowledged([2, 2])).toBe(2);
});

test('agrees with a set', () => {
  const numbers = fc.uniqueArray(fc.nat(60), { maxLength: 40 });
  fc.assert(
    fc.property(numbers, fc.array(numbers, { maxLength: 8 }), (lost, acks) => {
      const memory = new LostPacketMemory(100);
      const model = new Set(lost);
      for (const number of [...lost].sort((a, b) => a - b)) memory.remember(number);
      for (const acked of acks) {
        const hits = acked.filter((number) => model.delete(number));
        expect(memory.takeAcknowledged(rangesOf(acked))).toBe(
          hits.length === 0 ? undefined : Math.min(...hits),
        );
        expect(memory.count).toBe(model.size);
      }
    }),
  );
});

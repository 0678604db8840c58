import fc from 'fast-check';
import { LostPacketMemory } from '../../../../src/transport/recovery/lost-packet-memory.js';
import { rangesOf } from './packets.js';

test('finds each remembered packet once, and names the smallest', () => {
  const memory = new LostPacketMemory(10);
  for (const number of [3, 4, 9, 20]) memory.remember(number, number);
  expect(memory.takeAcknowledged([18, 25, 4, 9])).toMatchObject({ count: 3, smallest: 4, earliestSentAt: 4 });
  expect(memory.count).toBe(1);
  expect(memory.takeAcknowledged([4, 25])).toBeUndefined();
  expect(memory.takeAcknowledged([0, 3])).toMatchObject({ count: 1, smallest: 3, earliestSentAt: 3 });
  expect(memory.count).toBe(0);
});

test('forgets the oldest beyond its limit', () => {
  const memory = new LostPacketMemory(3);
  for (const number of [1, 2, 3, 4]) memory.remember(number, number);
  expect(memory.count).toBe(3);
  expect(memory.takeAcknowledged([1, 1])).toBeUndefined();
  expect(memory.takeAcknowledged([2, 2])).toMatchObject({ count: 1, smallest: 2 });
});

test('tells which of them are of the present episode', () => {
  const memory = new LostPacketMemory(10);
  memory.remember(1, 0);
  memory.remember(5, 0);
  memory.startEpisode();
  memory.remember(6, 0);
  memory.remember(9, 0);
  expect(memory.takeAcknowledged([5, 6])).toMatchObject({ count: 2, ofEpisode: 1 });
  expect(memory.takeAcknowledged([1, 1, 9, 9])).toBeDefined();
});

test('agrees with a set', () => {
  const numbers = fc.uniqueArray(fc.nat(60), { maxLength: 40 });
  fc.assert(
    fc.property(numbers, fc.array(numbers, { maxLength: 8 }), (lost, acks) => {
      const memory = new LostPacketMemory(100);
      const model = new Set(lost);
      for (const number of [...lost].sort((a, b) => a - b)) memory.remember(number, 10 * number);
      for (const acked of acks) {
        const hits = acked.filter((number) => model.delete(number));
        const smallest = Math.min(...hits);
        if (hits.length === 0) expect(memory.takeAcknowledged(rangesOf(acked))).toBeUndefined();
        else
          expect(memory.takeAcknowledged(rangesOf(acked))).toMatchObject({
            count: hits.length,
            smallest,
            earliestSentAt: 10 * smallest,
          });
        expect(memory.count).toBe(model.size);
      }
    }),
  );
});

import fc from 'fast-check';
import { DeadlineHeap, NOT_QUEUED } from '../../../src/base/deadline-heap.js';

interface Entry {
  dueAt: number;
  heapIndex: number;
}

describe('the deadline heap', () => {
  test('its first entry is the earliest, whatever was added and removed before', () => {
    const operation = fc.tuple(fc.nat(19), fc.option(fc.double({ min: 0, max: 100, noNaN: true })));
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
        const heap = new DeadlineHeap<Entry>();
        const entries = Array.from({ length: 20 }, (): Entry => ({ dueAt: 0, heapIndex: NOT_QUEUED }));
        const model = new Map<Entry, number>();
        for (const [index, dueAt] of operations) {
          const entry = entries[index] as Entry;
          heap.remove(entry);
          model.delete(entry);
          if (dueAt !== null) {
            entry.dueAt = dueAt;
            heap.add(entry);
            model.set(entry, dueAt);
          }
          expect(heap.size).toBe(model.size);
          expect(heap.peek()?.dueAt ?? Infinity).toBe(Math.min(Infinity, ...model.values()));
        }
      }),
    );
  });
});

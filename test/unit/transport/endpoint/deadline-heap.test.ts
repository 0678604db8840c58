import fc from 'fast-check';
import { DeadlineHeap, type HeapEntry } from '../../../../src/transport/endpoint/deadline-heap.js';

describe('the deadline heap', () => {
  test('its first entry is the earliest, whatever was set, moved and removed before', () => {
    const operation = fc.tuple(
      fc.nat(19),
      fc.oneof(fc.double({ min: 0, max: 100, noNaN: true }), fc.constant(Infinity)),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
        const heap = new DeadlineHeap<HeapEntry>();
        const entries = Array.from({ length: 20 }, (): HeapEntry => ({ deadline: Infinity, heapIndex: -1 }));
        const model = new Map<HeapEntry, number>();
        for (const [index, deadline] of operations) {
          const entry = entries[index] as HeapEntry;
          heap.set(entry, deadline);
          if (deadline === Infinity) model.delete(entry);
          else model.set(entry, deadline);
          expect(heap.size).toBe(model.size);
          expect(heap.peek()?.deadline ?? Infinity).toBe(Math.min(Infinity, ...model.values()));
        }
      }),
    );
  });
});

import fc from 'fast-check';
import { RingQueue } from '../../../src/base/ring-queue.js';

describe('RingQueue', () => {
  test('an empty queue gives nothing', () => {
    const queue = new RingQueue<string>();
    expect([queue.length, queue.peek(), queue.shift()]).toEqual([0, undefined, undefined]);
    expect(queue.length).toBe(0);
  });

  test('it behaves as an array through any sequence of operations, also while it grows and wraps', () => {
    const operation = fc.oneof(
      {
        weight: 10,
        arbitrary: fc.record({ kind: fc.constant('push' as const), count: fc.integer({ min: 1, max: 300 }) }),
      },
      {
        weight: 9,
        arbitrary: fc.record({
          kind: fc.constant('shift' as const),
          count: fc.integer({ min: 1, max: 300 }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const) }) },
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 50 }), (operations) => {
        const queue = new RingQueue<number>();
        const model: number[] = [];
        let next = 0;
        for (const step of operations) {
          if (step.kind === 'clear') {
            queue.clear();
            model.length = 0;
          } else {
            for (let i = 0; i < step.count; i++) {
              if (step.kind === 'push') model.push(next);
              if (step.kind === 'push') queue.push(next++);
              else expect(queue.shift()).toBe(model.shift());
            }
          }
          expect([queue.length, queue.peek()]).toEqual([model.length, model[0]]);
        }
      }),
    );
  });
});

import fc from 'fast-check';
import { BufferBudget, type BudgetWaiter } from '../../../../src/transport/stream/buffer-budget.js';

const KIB = 1 << 10;

/** Waits again each time it is called, and remembers in which order who was called. */
function waiters(count: number, calls: number[], budget?: BufferBudget): BudgetWaiter[] {
  return Array.from({ length: count }, (_, index) => {
    const waiter: BudgetWaiter = {
      onBufferRoom: () => {
        calls.push(index);
        budget?.wait(waiter);
      },
    };
    return waiter;
  });
}

describe('BufferBudget', () => {
  test('lets windows grow below half of it, and ends at all of it', () => {
    const budget = new BufferBudget(100);
    budget.hold(49);
    expect([budget.mayGrow, budget.isExhausted, budget.freeBytes]).toEqual([true, false, 51]);
    budget.hold(1);
    expect([budget.mayGrow, budget.isExhausted]).toEqual([false, false]);
    budget.hold(70);
    expect([budget.mayGrow, budget.isExhausted, budget.freeBytes]).toEqual([false, true, 0]);
  });

  test('calls who waits in turn, one for each 64 KiB that are freed', () => {
    const calls: number[] = [];
    const budget = new BufferBudget(1_000 * KIB);
    budget.hold(1_000 * KIB);
    for (const waiter of waiters(3, calls)) budget.wait(waiter);
    budget.release(63 * KIB);
    expect(calls).toEqual([]);
    budget.release(1 * KIB);
    expect(calls).toEqual([0]);
    budget.release(128 * KIB);
    expect(calls).toEqual([0, 1, 2]);
  });

  test('calls nobody while it is passed by more than was freed', () => {
    const calls: number[] = [];
    const budget = new BufferBudget(1_000 * KIB);
    budget.hold(1_500 * KIB);
    for (const waiter of waiters(1, calls)) budget.wait(waiter);
    budget.release(500 * KIB);
    expect(calls).toEqual([]);
    budget.release(64 * KIB);
    expect(calls).toEqual([0]);
  });

  test('calls everybody once when half of it is free, also who waits again at once', () => {
    const calls: number[] = [];
    const budget = new BufferBudget(1_000 * KIB);
    budget.hold(1_000 * KIB);
    for (const waiter of waiters(20, calls, budget)) budget.wait(waiter);
    budget.release(501 * KIB);
    expect(calls).toEqual(Array.from({ length: 20 }, (_, index) => index));
  });

  test('does not call who has left', () => {
    const calls: number[] = [];
    const budget = new BufferBudget(1_000);
    budget.hold(1_000);
    const [waiter] = waiters(1, calls);
    if (waiter === undefined) throw new Error('one waiter');
    budget.wait(waiter);
    budget.leave(waiter);
    budget.release(1_000);
    expect(calls).toEqual([]);
  });

  test('whoever waits is called before anybody is called twice, and when all is free nobody waits', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('wait' as const), who: fc.nat(9) }),
      fc.record({ kind: fc.constant('hold' as const), bytes: fc.nat(300 * KIB) }),
      fc.record({ kind: fc.constant('release' as const), bytes: fc.nat(300 * KIB) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const budget = new BufferBudget(1_000 * KIB);
        const calls: number[] = [];
        const everybody = waiters(10, calls);
        let queue: number[] = [];
        let held = 0;
        for (const next of steps) {
          if (next.kind === 'wait') {
            budget.wait(everybody[next.who] as BudgetWaiter);
            if (!queue.includes(next.who)) queue.push(next.who);
          } else if (next.kind === 'hold') {
            budget.hold(next.bytes);
            held += next.bytes;
          } else {
            const bytes = Math.min(held, next.bytes);
            budget.release(bytes);
            held -= bytes;
          }
          const called = calls.splice(0);
          expect(called).toEqual(queue.slice(0, called.length));
          queue = queue.slice(called.length);
          expect(budget.usedBytes).toBe(held);
        }
        budget.hold(1);
        budget.release(held + 1);
        expect(calls).toEqual(queue);
      }),
    );
  });
});

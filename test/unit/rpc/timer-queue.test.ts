import fc from 'fast-check';
import { NOT_QUEUED } from '../../../src/base/deadline-heap.js';
import { TimerQueue } from '../../../src/rpc/timer-queue.js';
import { ManualClock } from '../../support/manual-clock.js';

class Item {
  heapIndex = NOT_QUEUED;
  readonly dueAt: number;
  readonly onDue: () => void;

  constructor(dueAt: number, onDue: () => void) {
    this.dueAt = dueAt;
    this.onDue = onDue;
  }
}

describe('the timer queue', () => {
  test('calls each item that was not removed once, in time and in order', async () => {
    const plan = fc.array(fc.record({ dueInMs: fc.integer({ min: 1, max: 500 }), removed: fc.boolean() }), {
      minLength: 20,
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(plan, async (entries) => {
        const clock = new ManualClock();
        const queue = new TimerQueue(clock);
        const start = clock.now();
        const due: number[] = [];
        const items = entries.map(
          ({ dueInMs }) =>
            new Item(start + dueInMs, () => {
              expect(clock.now()).toBe(start + dueInMs);
              due.push(dueInMs);
            }),
        );
        for (const item of items) queue.add(item, start);
        entries.forEach((entry, index) => {
          const item = items[index];
          if (entry.removed && item !== undefined) queue.remove(item);
        });
        await clock.advance(600);
        const expected = entries.filter((entry) => !entry.removed).map((entry) => entry.dueInMs);
        expect(due).toEqual(expected.sort((a, b) => a - b));
        expect(clock.pendingTimers).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  test('sets one timer for all, earlier when an earlier item comes, none when it is empty', () => {
    const clock = new ManualClock();
    const queue = new TimerQueue(clock);
    const items = [30, 10, 20].map((dueInMs) => new Item(clock.now() + dueInMs, () => undefined));
    const armed = items.map((item) => {
      queue.add(item, clock.now());
      return [clock.pendingTimers, clock.nextTimerInMs];
    });
    expect(armed).toEqual([
      [1, 30],
      [1, 10],
      [1, 10],
    ]);
    for (const item of items) {
      queue.remove(item);
      queue.remove(item);
    }
    expect(clock.pendingTimers).toBe(0);
  });

  test('may be added to and removed from by what is due', async () => {
    const clock = new ManualClock();
    const queue = new TimerQueue(clock);
    const due: string[] = [];
    const victim = new Item(clock.now() + 10, () => due.push('victim'));
    const next = new Item(clock.now() + 15, () => due.push('next'));
    queue.add(
      new Item(clock.now() + 9, () => {
        due.push('first');
        queue.remove(victim);
        queue.add(next, clock.now());
      }),
      clock.now(),
    );
    queue.add(victim, clock.now());
    await clock.advance(20);
    expect(due).toEqual(['first', 'next']);
    expect(clock.pendingTimers).toBe(0);
  });
});

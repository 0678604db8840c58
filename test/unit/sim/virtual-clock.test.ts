import fc from 'fast-check';
import { VirtualClock } from '../../../src/sim/virtual-clock.js';

describe('VirtualClock', () => {
  test('time stands still while code runs and jumps to each timer', () => {
    const clock = new VirtualClock(100);
    const times: number[] = [];
    clock.setTimer(() => times.push(clock.now()), 20.5);
    clock.setTimer(() => times.push(clock.now()), 5);
    clock.run(1_000);
    expect(times).toEqual([105, 120.5]);
    expect(clock.now()).toBe(1_000);
    expect(clock.pendingTimers).toBe(0);
  });

  test('timers run by time, equal times in the order in which they were set', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ delay: fc.nat(9), cancelled: fc.boolean() })), (plan) => {
        const clock = new VirtualClock();
        const ran: number[] = [];
        const timers = plan.map(({ delay }, index) => clock.setTimer(() => ran.push(index), delay));
        plan.forEach(({ cancelled }, index) => {
          if (cancelled) timers[index]?.cancel();
        });
        const expected = plan
          .map((entry, index) => ({ ...entry, index }))
          .filter(({ cancelled }) => !cancelled)
          .sort((left, right) => left.delay - right.delay || left.index - right.index)
          .map(({ index }) => index);
        expect(clock.pendingTimers).toBe(expected.length);
        clock.run(10);
        expect(ran).toEqual(expected);
      }),
    );
  });

  test('a timer set while others are due at the same time waits for the next turn', () => {
    const clock = new VirtualClock();
    const order: string[] = [];
    clock.setTimer(() => {
      order.push('first');
      clock.setTimer(() => order.push('third'), 0);
      clock.soon(() => order.push('soon'));
      clock.atEndOfTurn(() => order.push('end'));
    }, 1);
    clock.setTimer(() => order.push('second'), 1);
    clock.run(1);
    expect(order).toEqual(['first', 'second', 'soon', 'end', 'third']);
  });

  test('a turn handles no more events than it may', () => {
    const clock = new VirtualClock();
    let ran = 0;
    for (let count = 0; count < 5; count++) clock.setTimer(() => ran++, 1);
    clock.beginTurn(2);
    expect(ran).toBe(2);
    expect(clock.pendingTimers).toBe(3);
  });

  test('cancelling is idempotent, also from within a callback and after the run', () => {
    const clock = new VirtualClock();
    let ran = 0;
    const second = clock.setTimer(() => ran++, 2);
    const first = clock.setTimer(() => {
      second.cancel();
      second.cancel();
    }, 1);
    clock.run(5);
    first.cancel();
    expect(ran).toBe(0);
    expect(clock.pendingTimers).toBe(0);
    expect(clock.nextTime).toBeUndefined();
  });

  test('many cancelled timers do not stay in memory or disturb the order', () => {
    const clock = new VirtualClock();
    const times: number[] = [];
    for (let count = 0; count < 5_000; count++) {
      const timer = clock.setTimer(() => times.push(clock.now()), (count * 7_919) % 1_000);
      if (count % 10 !== 0) timer.cancel();
    }
    clock.run(1_000);
    expect(times).toHaveLength(500);
    expect(times).toEqual([...times].sort((left, right) => left - right));
  });

  test('code that never lets time move is found out', () => {
    const clock = new VirtualClock();
    const again = (): void => void clock.setTimer(again, 0);
    again();
    expect(() => {
      clock.run(10);
    }).toThrow('time does not move');
    const other = new VirtualClock();
    const soon = (): void => {
      other.soon(soon);
    };
    soon();
    expect(() => {
      other.run(10);
    }).toThrow('without end');
  });

  test('time does not pass a timer that is due', () => {
    const clock = new VirtualClock();
    clock.setTimer(() => undefined, 3);
    expect(() => {
      clock.skipTo(4);
    }).toThrow('due');
  });
});

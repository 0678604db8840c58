import { SimLoop } from '../../../src/sim/sim-loop.js';
import { VirtualClock } from '../../../src/sim/virtual-clock.js';

describe('SimLoop', () => {
  test('promise chains settle before time moves', async () => {
    const clock = new VirtualClock();
    const loop = new SimLoop(clock);
    const log: string[] = [];
    const wait = (delayMs: number): Promise<void> =>
      new Promise((resolve) => {
        clock.setTimer(() => {
          loop.touch();
          resolve();
        }, delayMs);
      });
    const chain = async (name: string): Promise<void> => {
      for (let round = 0; round < 3; round++) {
        await wait(10);
        await Promise.resolve();
        log.push(`${name} ${clock.now()}`);
      }
    };
    void chain('a');
    void chain('b');
    await loop.run(1_000);
    expect(log).toEqual(['a 10', 'b 10', 'a 20', 'b 20', 'a 30', 'b 30']);
  });

  test('what a settled promise asks to run soon or at the end of the turn runs in the same turn', async () => {
    const clock = new VirtualClock();
    const loop = new SimLoop(clock);
    const log: string[] = [];
    clock.setTimer(() => {
      loop.touch();
      void Promise.resolve().then(() => {
        clock.soon(() => log.push(`soon ${clock.now()}`));
        clock.atEndOfTurn(() => log.push(`end ${clock.now()}`));
      });
    }, 5);
    clock.setTimer(() => {
      clock.atEndOfTurn(() => {
        loop.touch();
        void Promise.resolve().then(() => {
          log.push('settled');
          clock.atEndOfTurn(() => log.push('second end'));
        });
      });
    }, 6);
    clock.setTimer(() => log.push(`next ${clock.now()}`), 7);
    await loop.run(100);
    expect(log).toEqual(['soon 5', 'end 5', 'settled', 'second end', 'next 7']);
  });

  test('the check runs after every turn and ends the run when it throws', async () => {
    const clock = new VirtualClock();
    let checks = 0;
    const loop = new SimLoop(clock, {
      afterTurn: () => {
        checks++;
        if (clock.now() >= 2) throw new Error('broken');
      },
    });
    for (const delayMs of [1, 2, 3]) clock.setTimer(() => undefined, delayMs);
    await expect(loop.run(100)).rejects.toThrow('broken');
    expect(checks).toBe(3); // before the first timer, and after two of them
    expect(clock.now()).toBe(2);
  });

  test('ends when it is done, when nothing is left, or at its limit', async () => {
    const clock = new VirtualClock();
    const loop = new SimLoop(clock);
    let ran = 0;
    const again = (): void => {
      ran++;
      clock.setTimer(again, 10);
    };
    again();
    expect(await loop.run(1_000, () => ran === 3)).toBe(true);
    expect(clock.now()).toBe(20);
    expect(await loop.run(45)).toBe(false);
    expect(clock.now()).toBe(45);
    expect(await new SimLoop(new VirtualClock()).run(1_000)).toBe(false);
  });

  test('settle gives the value of a promise, its error, or says that it cannot settle', async () => {
    const clock = new VirtualClock();
    const loop = new SimLoop(clock);
    const later = new Promise<number>((resolve) => {
      clock.setTimer(() => {
        loop.touch();
        resolve(clock.now());
      }, 30);
    });
    expect(await loop.settle(later, 100)).toBe(30);
    expect(clock.pendingTimers).toBe(0);
    await expect(loop.settle(Promise.reject(new Error('no')), 100)).rejects.toThrow('no');
    await expect(loop.settle(new Promise(() => undefined), 100)).rejects.toThrow('unsettled after 100 ms');
    expect(clock.pendingTimers).toBe(0);
  });

  test('two runs at a time are a mistake', async () => {
    const clock = new VirtualClock();
    const loop = new SimLoop(clock);
    clock.setTimer(() => undefined, 10);
    const first = loop.run(100);
    await expect(loop.run(100)).rejects.toThrow('one run at a time');
    expect(await first).toBe(false);
    expect(await loop.run(200)).toBe(false);
  });

  test('time that does not move is found out', async () => {
    const clock = new VirtualClock();
    const again = (): void => void clock.setTimer(again, 0);
    again();
    await expect(new SimLoop(clock).run(10)).rejects.toThrow('time does not move');
  });
});

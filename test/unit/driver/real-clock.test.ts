import { jest } from '@jest/globals';
import { realClock } from '../../../src/driver/real-clock.js';

const timer = (delayMs: number): Promise<number> => {
  const start = realClock.now();
  return new Promise((resolve) =>
    realClock.setTimer(() => {
      resolve(realClock.now() - start);
    }, delayMs),
  );
};

const burn = (ms: number): void => {
  const end = realClock.now() + ms;
  while (realClock.now() < end);
};

describe('realClock', () => {
  test('no timer fires before its delay', async () => {
    const waits: Promise<number>[] = [];
    const delays: number[] = [];
    for (let i = 0; i < 40; i++) {
      burn(0.7);
      const delay = 1 + (i % 20) / 3;
      delays.push(delay);
      waits.push(timer(delay));
    }
    const elapsed = await Promise.all(waits);
    elapsed.forEach((ms, i) => {
      expect(ms).toBeGreaterThanOrEqual(delays[i] ?? 0);
    });
  });

  test('a cancelled timer does not fire', async () => {
    let fired = 0;
    const cancelled = realClock.setTimer(() => fired++, 1);
    cancelled.cancel();
    cancelled.cancel();
    await timer(5);
    expect(fired).toBe(0);
  });

  test('a timer that Node fires too early waits on, in steps that Node can hold', () => {
    const setTimeoutSpy = jest.spyOn(globalThis, 'setTimeout');
    try {
      let fired = 0;
      const waiting = realClock.setTimer(() => fired++, 60 * 24 * 3_600_000);
      expect(setTimeoutSpy.mock.calls[0]?.[1]).toBe(2 ** 31 - 1);
      clearTimeout(setTimeoutSpy.mock.results[0]?.value as NodeJS.Timeout);
      // The end of a step: it waits on, since the clock says that there is more to wait.
      const [onTimeout, , timerOfIt] = setTimeoutSpy.mock.calls[0] as unknown as [
        (it: unknown) => void,
        number,
        unknown,
      ];
      onTimeout(timerOfIt);
      expect(fired).toBe(0);
      expect(setTimeoutSpy.mock.calls[1]?.[1]).toBe(2 ** 31 - 1);
      waiting.cancel();
    } finally {
      jest.restoreAllMocks();
    }
  });

  test('soon comes before atEndOfTurn, both after the running code', async () => {
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      realClock.atEndOfTurn(() => {
        order.push('end of turn');
        resolve();
      });
      realClock.soon(() => order.push('soon'));
      order.push('now');
    });
    expect(order).toEqual(['now', 'soon', 'end of turn']);
  });

  test('what is thrown soon is thrown outside of any promise', async () => {
    const queued = jest.spyOn(globalThis, 'queueMicrotask').mockImplementation(() => undefined);
    try {
      realClock.soon(() => {
        throw new Error('mine');
      });
      await timer(1);
      const throwIt = queued.mock.calls[0]?.[0];
      expect(throwIt).toThrow('mine');
    } finally {
      jest.restoreAllMocks();
    }
  });

  test('now has parts of milliseconds and only goes forward', () => {
    const samples = Array.from({ length: 1_000 }, () => realClock.now());
    expect(samples.some((value) => !Number.isInteger(value))).toBe(true);
    samples.reduce((before, after) => {
      expect(after).toBeGreaterThanOrEqual(before);
      return after;
    });
  });
});

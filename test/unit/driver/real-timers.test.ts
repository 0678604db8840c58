import { jest } from '@jest/globals';
import { RealTimers } from '../../../src/driver/real-timers.js';

/** The timeout of Node behind the timers, which fires when the test says so. */
class FakeNode {
  now = 1_000;
  readonly delays: number[] = [];
  isKeepingAlive = false;
  #fire: (() => void) | undefined;

  install(): void {
    jest.spyOn(performance, 'now').mockImplementation(() => this.now);
    const fake = (onTimeout: (argument: unknown) => void, delayMs: number, argument: unknown): unknown => {
      this.delays.push(delayMs);
      this.isKeepingAlive = true;
      this.#fire = () => {
        onTimeout(argument);
      };
      return {
        ref: () => (this.isKeepingAlive = true),
        unref: () => (this.isKeepingAlive = false),
      };
    };
    jest.spyOn(globalThis, 'setTimeout').mockImplementation(fake as never);
    jest.spyOn(globalThis, 'clearTimeout').mockImplementation(() => {
      this.#fire = undefined;
    });
  }

  /** The timeout fires after this time. */
  fireAfter(ms: number): void {
    this.now += ms;
    const fire = this.#fire;
    this.#fire = undefined;
    fire?.();
  }
}

describe('the timers of the process', () => {
  const node = new FakeNode();
  let timers = new RealTimers();

  beforeEach(() => {
    Object.assign(node, { now: 1_000, isKeepingAlive: false });
    node.delays.length = 0;
    timers = new RealTimers();
    node.install();
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  test('one timeout does for timers that are set and cancelled one after the other', () => {
    const nothing = (): void => undefined;
    for (let i = 0; i < 100; i++) {
      const timer = timers.set(nothing, 30_000, true);
      node.now += 1;
      timer.cancel();
    }
    expect(node.delays).toEqual([30_000]);
  });

  test('what is due is called once, in order, and the timeout is set for the next', () => {
    const called: string[] = [];
    timers.set(() => called.push('second'), 20, true);
    timers.set(() => called.push('first'), 10, true);
    timers.set(() => called.push('third'), 50, true);
    expect(node.delays).toEqual([20, 10]);
    node.fireAfter(25);
    expect(called).toEqual(['first', 'second']);
    expect(node.delays).toEqual([20, 10, 25]);
    node.fireAfter(25);
    expect(called).toEqual(['first', 'second', 'third']);
  });

  test('a timeout that fires early, or for a timer that was cancelled, is set again for the rest', () => {
    const called: string[] = [];
    timers.set(() => called.push('cancelled'), 5, true).cancel();
    timers.set(() => called.push('due'), 9.5, true);
    node.fireAfter(5);
    node.fireAfter(4.2);
    expect(called).toEqual([]);
    expect(node.delays).toEqual([5, 5, 1]);
    node.fireAfter(1);
    expect(called).toEqual(['due']);
  });

  test('only while a timer keeps the process alive does the timeout', () => {
    const seen: boolean[] = [];
    const look = (): number => seen.push(node.isKeepingAlive);
    timers.set(() => undefined, 10, false);
    look();
    const call = timers.set(() => undefined, 20, true);
    look();
    call.cancel();
    look();
    timers.set(() => undefined, 5, true);
    look();
    node.fireAfter(5);
    look();
    expect(seen).toEqual([false, true, false, true, false]);
  });

  test('a callback that throws does not keep the others from being called', () => {
    const called: string[] = [];
    timers.set(
      () => {
        throw new Error('mine');
      },
      10,
      true,
    );
    timers.set(() => called.push('other'), 10, true);
    expect(() => {
      node.fireAfter(10);
    }).toThrow('mine');
    node.fireAfter(0);
    expect(called).toEqual(['other']);
  });

  test('a callback that sets another timer at once is not called for ever', () => {
    let calls = 0;
    const again = (): void => {
      calls++;
      timers.set(again, 0, true);
    };
    timers.set(again, 0, true);
    node.fireAfter(0);
    expect(calls).toBe(1);
  });
});

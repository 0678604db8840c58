/**
 * The operating system's time for the floors above: monotonic milliseconds, timers of any length that never fire early,
 * and the two ways of coming back to the event loop.
 */
import { performance } from 'node:perf_hooks';
import { type Clock } from '../base/clock.js';
import { RealTimers } from './real-timers.js';

const timers = new RealTimers();

export const realClock: Clock = {
  now: () => performance.now(),
  setTimer: (callback, delayMs, keepsAlive = true) => timers.set(callback, delayMs, keepsAlive),
  atEndOfTurn(callback) {
    setImmediate(callback);
  },
  soon(callback) {
    // Node's `queueMicrotask` makes an async resource, and `process.nextTick` another way through C++: on the way of one call
    // at a time each of them was found to take some microseconds.
    SETTLED.then(callback).catch(throwUncaught);
  },
};

const SETTLED = Promise.resolve();

/** As if it had been thrown outside of any promise. */
function throwUncaught(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

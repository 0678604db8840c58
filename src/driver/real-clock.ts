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
    // After the promises that are settled already, and at a third of what Node takes for `queueMicrotask`.
    process.nextTick(callback);
  },
};

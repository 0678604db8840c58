/**
 * Time as the floors above see it. Nobody outside the two drivers reads a real clock: the socket driver gives the
 * operating system's, the simulator gives virtual time, and the code between cannot tell which.
 */
export interface Clock {
  /** Monotonic milliseconds, as a double with microseconds in it. Not wall-clock time. */
  now(): number;

  /**
   * Calls back once, never before `delayMs` has passed. A pending timer keeps the process alive unless `keepsAlive` is
   * false: an open call does, a connection that only waits does not.
   */
  setTimer(callback: () => void, delayMs: number, keepsAlive?: boolean): Timer;

  /** Calls back once when the current turn of the event loop has handled what it has. */
  atEndOfTurn(callback: () => void): void;

  /** Calls back once as soon as the running code returns to the event loop, before anything else is handled. */
  soon(callback: () => void): void;
}

/** One callback to come, which may be taken back. */
export interface Timer {
  /** Idempotent; after it the callback is not called. */
  cancel(): void;
}

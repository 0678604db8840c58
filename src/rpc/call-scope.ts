/**
 * Nested calls: what a running handler hands to the calls that are made inside it, without their being given anything.
 * The interface only; how something follows a handler through its promises and timers is the driver's knowledge.
 *
 * A scope costs every promise of the process something where the runtime has to carry it along, so a server enters it
 * only while somebody wants to read it: `isActive`. Handlers that were started before are not covered.
 */

/** A running call of a server, as the calls inside it see it. */
export interface ParentCall {
  /** False once its handler has settled: what the handler has left running, a timer for instance, is on its own then. */
  readonly isRunning: boolean;
  /** Instant of the environment's clock; Infinity: none. */
  readonly deadlineAt: number;
  /** Aborted when nobody waits for the handler any more. Made when it is first read, which costs 2 µs. */
  readonly signal: AbortSignal;
}

export interface CallScope {
  /** Whether anybody reads it. */
  readonly isActive: boolean;

  /** Somebody who reads it, a channel whose calls inherit, is there from now on. */
  acquire(): void;

  /** One of those who acquired it is gone. */
  release(): void;

  /** Calls `fn`; what runs because of it, also later, has `parent` as its current call. Returns and throws as it does. */
  run<Args extends unknown[], Result>(
    parent: ParentCall,
    fn: (...args: Args) => Result,
    ...args: Args
  ): Result;

  /** The same with no current call: for what is made inside a handler and outlives it, such as a socket. */
  runDetached<Result>(fn: () => Result): Result;

  /** The call inside which the running code was started, if its handler runs still. */
  current(): ParentCall | undefined;
}

/** Where no call knows of another. */
export const NO_CALL_SCOPE: CallScope = {
  isActive: false,
  acquire: () => undefined,
  release: () => undefined,
  run: (_parent, fn, ...args) => fn(...args),
  runDetached: (fn) => fn(),
  current: () => undefined,
};

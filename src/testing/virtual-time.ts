/**
 * Virtual time as a test uses it: it goes on only while something is waited for, jumps to what is due next, and every wait
 * has an end: the promise settles, its time is up, or nothing is left that could settle it. Waits may overlap and nest;
 * one loop drives all of them, and stands still while anything real is held for. Errors that no promise carries (of a
 * listener, of a timer) end the waits instead of vanishing.
 */
import { type Clock, type Timer } from '../base/clock.js';
import { SimLoop } from '../sim/sim-loop.js';
import { VirtualClock } from '../sim/virtual-clock.js';

export class VirtualTime {
  readonly virtual = new VirtualClock();
  /** For code of the user that takes a clock. */
  readonly clock: Clock;
  readonly #loop = new SimLoop(this.virtual);
  readonly #describe: (problem: string) => string;
  readonly #waits = new Set<Wait>();
  /** What threw where nobody could catch it, oldest first. */
  readonly #errors: unknown[] = [];
  #heldCount = 0;
  #isDriving = false;
  #closedBecause: string | undefined;
  /** Ends the standstill of the loop, when it stands still. */
  #wake: () => void = () => undefined;

  /** `describe` makes a message of a problem, with what a person needs to see it again. */
  constructor(describe: (problem: string) => string) {
    this.#describe = describe;
    this.clock = this.guard({
      now: () => this.virtual.now(),
      setTimer: (callback, delayMs) => this.virtual.setTimer(this.#touching(callback), delayMs),
      atEndOfTurn: (callback) => {
        this.virtual.atEndOfTurn(this.#touching(callback));
      },
      soon: (callback) => {
        this.virtual.soon(this.#touching(callback));
      },
    });
  }

  /** To be called before code that uses promises is run. */
  readonly touch = this.#loop.touch;

  now(): number {
    return this.virtual.now();
  }

  /** Settles as the promise does, or rejects when it cannot any more or does not in time. */
  async run<Value>(promise: PromiseLike<Value>, withinMs: number): Promise<Value> {
    const outcome = await this.#wait(promise, withinMs);
    if (outcome.kind === 'settled') return promise;
    if (outcome.kind === 'failed') throw outcome.error;
    // Made here and not in the loop, so that its stack leads to who has waited.
    throw new Error(this.#describe(problemOf(outcome.kind, withinMs, this.#closedBecause)));
  }

  /** Resolves when this time has passed; rejects with the signal's reason when that aborts before. */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(reasonOf(signal));
        return;
      }
      const onAbort = (): void => {
        timer.cancel();
        if (signal !== undefined) reject(reasonOf(signal));
      };
      const timer = this.clock.setTimer(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** No virtual time passes until the promise settles; for what only real time brings. */
  async hold<Value>(promise: PromiseLike<Value>): Promise<Value> {
    this.#heldCount++;
    try {
      return await promise;
    } finally {
      this.#heldCount--;
      this.#wake();
    }
  }

  /** The same clock, whose callbacks may throw: the error ends the waits. */
  guard(clock: Clock): Clock {
    const guarded = (callback: () => void) => (): void => {
      try {
        callback();
      } catch (error) {
        this.#errors.push(error);
        this.#wake();
      }
    };
    return {
      now: () => clock.now(),
      setTimer: (callback, delayMs): Timer => clock.setTimer(guarded(callback), delayMs),
      atEndOfTurn: (callback) => {
        clock.atEndOfTurn(guarded(callback));
      },
      soon: (callback) => {
        clock.soon(guarded(callback));
      },
    };
  }

  /** Ends every wait, and each that comes. Throws an error that has not ended any wait. */
  close(because: string): void {
    this.#closedBecause = because;
    this.#endAll({ kind: 'closed' });
    this.#wake();
    if (this.#errors.length > 0) throw this.#errors.shift();
  }

  #touching(callback: () => void): () => void {
    return () => {
      this.touch();
      callback();
    };
  }

  #wait(promise: PromiseLike<unknown>, withinMs: number): Promise<Outcome> {
    return new Promise((resolve) => {
      const wait: Wait = { untilMs: this.now() + withinMs, isSettled: false, resolve };
      const onSettled = (): void => {
        wait.isSettled = true;
        this.#wake();
      };
      promise.then(onSettled, onSettled);
      this.#waits.add(wait);
      if (!this.#isDriving) void this.#drive();
    });
  }

  async #drive(): Promise<void> {
    this.#isDriving = true;
    try {
      while (this.#waits.size > 0) await this.#step();
    } catch (error) {
      this.#endAll({ kind: 'failed', error });
    } finally {
      this.#isDriving = false;
    }
  }

  /** Until one of the waits ends, or there is something to stand still for. */
  async #step(): Promise<void> {
    if (this.#closedBecause !== undefined) {
      this.#endAll({ kind: 'closed' });
      return;
    }
    const untilMs = Math.min(...[...this.#waits].map((wait) => wait.untilMs));
    // Whatever has run since may have left promises that are not settled yet.
    this.touch();
    const wasInterrupted = await this.#loop.run(untilMs, () => this.#isInterrupted);
    if (this.#errors.length > 0) {
      this.#endAll({ kind: 'failed', error: this.#errors.shift() });
      return;
    }
    const settled = [...this.#waits].filter(({ isSettled }) => isSettled);
    for (const wait of settled) this.#end(wait, { kind: 'settled' });
    if (settled.length > 0) return;
    if (this.#heldCount > 0) await this.#awaken();
    else if (!wasInterrupted) this.#endOverdue();
  }

  get #isInterrupted(): boolean {
    if (this.#heldCount > 0 || this.#errors.length > 0 || this.#closedBecause !== undefined) return true;
    for (const { isSettled } of this.#waits) if (isSettled) return true;
    return false;
  }

  /** The loop came back by itself: time is up for one, or nothing more will happen for any. */
  #endOverdue(): void {
    const isStuck = this.virtual.nextTime === undefined;
    for (const wait of [...this.#waits]) {
      if (wait.untilMs <= this.now()) this.#end(wait, { kind: 'late' });
      else if (isStuck) this.#end(wait, { kind: 'stuck' });
    }
  }

  #awaken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #endAll(outcome: Outcome): void {
    for (const wait of [...this.#waits]) this.#end(wait, outcome);
  }

  #end(wait: Wait, outcome: Outcome): void {
    this.#waits.delete(wait);
    wait.resolve(outcome);
  }
}

interface Wait {
  readonly untilMs: number;
  isSettled: boolean;
  readonly resolve: (outcome: Outcome) => void;
}

type Outcome =
  | { readonly kind: 'settled' | 'late' | 'stuck' | 'closed' }
  | { readonly kind: 'failed'; readonly error: unknown };

function problemOf(kind: 'late' | 'stuck' | 'closed', withinMs: number, closedBecause = ''): string {
  if (kind === 'late') return `still unsettled after ${withinMs} ms of virtual time`;
  if (kind === 'closed') return `still unsettled when ${closedBecause}`;
  return (
    'nothing is left that could settle the promise: no datagram is under way and no timer is set. ' +
    'If it waits for real time or real I/O (setTimeout, a file), use network.sleep() or network.hold()'
  );
}

/** As it was given: who aborts decides what is rejected with. */
function reasonOf(signal: AbortSignal): Error {
  return signal.reason as Error;
}

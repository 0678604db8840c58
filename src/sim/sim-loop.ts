/**
 * Runs the turns of a simulation. The rpc floor and the code of users are written with promises, whose continuations
 * only the real event loop runs: after each part of a turn that touched them, the loop lets the promise chains settle
 * by one real setImmediate. This is the one place where the simulator meets the real event loop; no time passes in it,
 * and nothing else can come in between, because a simulation sets no real timer and opens no real socket.
 */
import { assert } from '../base/assert.js';
import { type Timer } from '../base/clock.js';
import { type VirtualClock } from './virtual-clock.js';

export interface SimLoopOptions {
  /** Checked after every turn; what it throws ends the run. */
  readonly afterTurn?: () => void;
  /** Most events that one turn handles; the others that are due wait for the next. */
  readonly eventsPerTurn?: number;
}

export class SimLoop {
  readonly clock: VirtualClock;
  readonly #options: SimLoopOptions;
  #isTouched = true;
  #turns = 0;
  #isRunning = false;

  constructor(clock: VirtualClock, options: SimLoopOptions = {}) {
    this.clock = clock;
    this.#options = options;
  }

  /** Turns so far. */
  get turns(): number {
    return this.#turns;
  }

  /** To be called whenever code that uses promises was run. */
  readonly touch = (): void => {
    this.#isTouched = true;
  };

  /** Runs until `isDone` says so, nothing is left to happen, or `untilMs`. True when `isDone`. */
  async run(untilMs: number, isDone: () => boolean = () => false): Promise<boolean> {
    assert(!this.#isRunning, 'one run at a time: two would tear turns apart');
    this.#isRunning = true;
    try {
      return await this.#run(untilMs, isDone);
    } finally {
      this.#isRunning = false;
    }
  }

  async #run(untilMs: number, isDone: () => boolean): Promise<boolean> {
    await this.#finishTurn();
    while (!isDone()) {
      const next = this.clock.nextTime;
      if (next === undefined) return false;
      if (next > untilMs) {
        this.clock.skipTo(untilMs);
        return false;
      }
      this.clock.beginTurn(this.#options.eventsPerTurn);
      await this.#finishTurn();
    }
    return true;
  }

  /** Runs in virtual time until the promise settles; rejects as it does, or when it cannot settle any more. */
  async settle<T>(promise: Promise<T>, withinMs: number): Promise<T> {
    let isSettled = false;
    const mark = (): void => {
      isSettled = true;
    };
    promise.then(mark, mark);
    this.touch();
    // A timer of its own, so that time can pass when nothing else is armed.
    const limit: Timer = this.clock.setTimer(() => undefined, withinMs);
    const didSettle = await this.run(this.clock.now() + withinMs, () => isSettled);
    limit.cancel();
    if (!didSettle) throw new Error(`still unsettled after ${withinMs} ms of virtual time`);
    return promise;
  }

  async #finishTurn(): Promise<void> {
    const { clock } = this;
    let rounds = 0;
    do {
      assert(rounds++ < MAX_ROUNDS, 'a turn that does not end');
      await this.#settlePromises();
      clock.endTurn();
      if (this.#isTouched) await this.#settlePromises();
    } while (clock.hasUnfinishedTurn);
    assert(clock.turnsAtThisTime < MAX_ROUNDS, 'time does not move');
    this.#turns++;
    this.#options.afterTurn?.();
  }

  async #settlePromises(): Promise<void> {
    this.clock.runSoon();
    for (let rounds = 0; this.#isTouched; rounds++) {
      assert(rounds < MAX_ROUNDS, 'promises that settle each other without end');
      this.#isTouched = false;
      await promisesSettled();
      this.clock.runSoon();
    }
  }
}

function promisesSettled(): Promise<void> {
  return new Promise((resolve) => nextRealTurn(resolve));
}

/** Kept from before a test puts false timers in its place, which would never call back. */
const nextRealTurn = setImmediate;

const MAX_ROUNDS = 1_000;

/**
 * Lets a few pieces of work run at once and the others wait in order. What reads whole files or directories passes
 * one, so that the number of callers decides how long they wait and not how much memory is in use.
 */
import { ServerError, Status } from '../index.js';

export class Gate {
  readonly #maxRunning: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(maxRunning: number, maxWaiting: number) {
    this.#maxRunning = maxRunning;
    this.#maxWaiting = maxWaiting;
  }

  /** Runs `action` when it is its turn. Throws RESOURCE_EXHAUSTED when too many wait already. */
  async run<T>(action: () => Promise<T>): Promise<T> {
    if (this.#running < this.#maxRunning) {
      this.#running++;
    } else {
      await this.#turn();
    }
    try {
      return await action();
    } finally {
      const next = this.#waiting.shift();
      // The place passes straight to the next one, so nobody can slip in between.
      if (next === undefined) this.#running--;
      else next();
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= this.#maxWaiting) {
      throw new ServerError(
        Status.RESOURCE_EXHAUSTED,
        'the image server is busy with other files: try again later',
      );
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** A reader that takes `messageMs` for each message, however short that is: timers go by whole milliseconds, so it keeps a schedule. */
import { setTimeout as wait } from 'node:timers/promises';

export class Pace {
  #messageMs;
  #dueAt = performance.now();

  constructor(messageMs) {
    this.#messageMs = messageMs;
  }

  /** Undefined when there is nothing to wait for: a promise for each of a million messages would be measured too. */
  afterMessage() {
    if (this.#messageMs === 0) return undefined;
    const now = performance.now();
    // What was missed while nothing came is not caught up with.
    this.#dueAt = Math.max(this.#dueAt, now - MOST_BEHIND_MS) + this.#messageMs;
    return this.#dueAt > now + 1 ? wait(this.#dueAt - now) : undefined;
  }
}

const MOST_BEHIND_MS = 20;

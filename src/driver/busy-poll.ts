/**
 * Whether the event loop sleeps until the next datagram comes, or looks for it again and again meanwhile, as SO_BUSY_POLL of
 * Linux. Falling asleep and being woken takes longer than many a peer on the same machine takes to answer, and who was asleep
 * finds the caches cold. So the loop stays awake for `limitUs` after what was sent, as long as that pays: where datagrams
 * do not mostly come so soon it sleeps at once. Whatever else the loop has to do goes on, and what comes without anything
 * being sent, such as a flood, keeps nobody awake.
 */
import { type Clock } from '../base/clock.js';

export class BusyPoll {
  readonly #clock: Clock;
  readonly #limitMs: number;
  /** How many of the last datagrams came soon after one was sent: a moving average, 0 to 1. */
  #soonShare = 0;
  #sentAt = -Infinity;
  #isPolling = false;

  /** `limitUs`: 0 to sleep always. */
  constructor(clock: Clock, limitUs: number) {
    this.#clock = clock;
    this.#limitMs = limitUs / 1_000;
  }

  onDatagram(): void {
    if (this.#limitMs === 0) return;
    const soonMs = this.#isPolling ? this.#limitMs : this.#limitMs * ASLEEP;
    const isSoon = this.#clock.now() - this.#sentAt < soonMs ? 1 : 0;
    this.#soonShare += (isSoon - this.#soonShare) * WEIGHT_OF_LAST;
  }

  onSent(): void {
    if (this.#limitMs === 0) return;
    this.#sentAt = this.#clock.now();
    if (this.#isPolling || this.#soonShare < ENOUGH) return;
    this.#isPolling = true;
    this.#clock.atEndOfTurn(this.#poll);
  }

  readonly #poll = (): void => {
    this.#isPolling = this.#clock.now() - this.#sentAt < this.#limitMs;
    if (this.#isPolling) this.#clock.atEndOfTurn(this.#poll);
  };
}

/** To one who slept a datagram comes so much later, or even more. */
const ASLEEP = 2;
const WEIGHT_OF_LAST = 1 / 8;
/** More after eleven that came soon, less after three that did not. */
const ENOUGH = 0.75;

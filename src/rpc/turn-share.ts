/**
 * How many messages of one stream are handed on in one turn of the event loop: promises that are settled already, one
 * after the other, never let the loop go on by themselves, so a megabyte of tiny messages, from a peer or from a
 * generator, would hold up everybody else for as long as all of them take.
 */
import { type Clock } from '../base/clock.js';

export class TurnShare {
  readonly #clock: Clock;
  readonly #onTurn: () => void;
  #left = MESSAGES_PER_TURN;

  /** `onTurn`: a share that was spent is whole again. */
  constructor(clock: Clock, onTurn: () => void) {
    this.#clock = clock;
    this.#onTurn = onTurn;
  }

  /** No more for now; `onTurn` follows. */
  get isSpent(): boolean {
    return this.#left === 0;
  }

  /** A message was handed on. */
  spend(): void {
    this.#left--;
    if (this.#left === 0) this.#clock.atEndOfTurn(this.#renew);
  }

  readonly #renew = (): void => {
    this.#left = MESSAGES_PER_TURN;
    this.#onTurn();
  };
}

/** Tenths of a millisecond; coming back to the loop costs a few microseconds. */
export const MESSAGES_PER_TURN = 128;

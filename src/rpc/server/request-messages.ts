/**
 * The messages of a streamed request as its handler iterates them: one is read when it is asked for, so a slow handler
 * holds up its client and not our memory. When the call is over for its client, iterating throws an AbortError. Leaving
 * the loop tells the client to send no more.
 */
import { type Clock } from '../../base/clock.js';
import { AbortError } from '../abort-error.js';
import { TurnShare } from '../turn-share.js';

export interface MessageSource {
  /** The next message, decoded; END behind the last, or undefined when it has not come yet. */
  readMessage(): unknown;
  /** The handler wants no more. */
  onRequestLeft(): void;
}

export const END: unique symbol = Symbol('end of a request');

export class RequestMessages implements AsyncIterableIterator<unknown, void, undefined> {
  readonly #source: MessageSource;
  readonly #share: TurnShare;
  /** Of `next` calls, in order. */
  readonly #waiting: Waiting[] = [];
  #isOver = false;
  #isAborted = false;

  constructor(source: MessageSource, clock: Clock) {
    this.#source = source;
    this.#share = new TurnShare(clock, () => {
      this.onReadable();
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<unknown, void>> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.onReadable();
    });
  }

  return(): Promise<IteratorResult<unknown, void>> {
    this.#leave();
    return Promise.resolve(DONE);
  }

  throw(error: unknown): Promise<IteratorResult<unknown, void>> {
    this.#leave();
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- as a generator: whatever it was given
    return Promise.reject(error);
  }

  /** Something has come, or the end. */
  onReadable(): void {
    while (this.#waiting.length > 0 && !this.#isOver) {
      if (this.#share.isSpent) return;
      const message = this.#source.readMessage();
      if (message === undefined) return;
      if (message === END) {
        this.#isOver = true;
      } else {
        this.#share.spend();
        this.#waiting.shift()?.resolve({ done: false, value: message });
      }
    }
    for (const waiting of this.#waiting.splice(0)) {
      if (this.#isAborted) waiting.reject(new AbortError());
      else waiting.resolve(DONE);
    }
  }

  /** The call is over for its client. */
  abort(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#isAborted = true;
    this.onReadable();
  }

  #leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.onReadable();
    this.#source.onRequestLeft();
  }
}

interface Waiting {
  resolve(result: IteratorResult<unknown, void>): void;
  reject(error: unknown): void;
}

const DONE = { done: true, value: undefined } as const;

/**
 * Carries the messages of a streamed response from the handler's iterable to the stream: the next one is asked for when
 * the one before was taken, so a generator is resumed only as its client grants credit. Cancelled, it closes the
 * iterable, so that `finally` blocks run, and has settled when that is through.
 */
import { type Clock } from '../../base/clock.js';
import { TurnShare } from '../turn-share.js';

export interface PumpOwner {
  /** True when all of it was taken; else `onWritable` follows. Throws for a message that cannot be sent. */
  writeMessage(message: unknown): boolean;
  /** The iterable is through: with its messages, with an error, or closed after `cancel`. Once, the last. */
  onPumpSettled(failure: PumpFailure | undefined): void;
}

export interface PumpFailure {
  readonly error: unknown;
}

export class ResponsePump {
  readonly #owner: PumpOwner;
  readonly #share: TurnShare;
  readonly #inScope: ((step: () => unknown) => unknown) | undefined;
  #iterator: AsyncIterator<unknown> | Iterator<unknown> | undefined;
  #isCancelled = false;
  /** An answer of the iterator is awaited. */
  #isAsking = false;

  /** `inScope`: runs each step of the iterator. */
  constructor(owner: PumpOwner, clock: Clock, inScope?: (step: () => unknown) => unknown) {
    this.#owner = owner;
    this.#share = new TurnShare(clock, this.#askOn);
    this.#inScope = inScope;
  }

  /** `iterable`: what the handler returned, whatever it is. */
  start(iterable: unknown): void {
    try {
      this.#iterator = iteratorOf(iterable);
    } catch (error) {
      this.#owner.onPumpSettled({ error });
      return;
    }
    this.#ask((iterator) => iterator.next());
  }

  /** What was written last was taken. */
  onWritable(): void {
    this.#share.spend();
    if (!this.#share.isSpent) this.#askOn();
  }

  /** Nobody wants the rest. Idempotent. */
  cancel(): void {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    this.#close();
  }

  readonly #askOn = (): void => {
    if (!this.#isAsking && !this.#isCancelled) this.#ask((iterator) => iterator.next());
  };

  /** A generator that runs is closed at its next `yield` or end; other iterators may give up what they wait for. */
  #close(): void {
    const iterator = this.#iterator;
    if (iterator === undefined) return;
    if (iterator.return !== undefined) this.#await(() => iterator.return?.(), this.#onClosed);
    else if (!this.#isAsking) this.#settle(undefined);
  }

  #ask(step: (iterator: AsyncIterator<unknown> | Iterator<unknown>) => unknown): void {
    const iterator = this.#iterator;
    if (iterator === undefined) return;
    this.#isAsking = true;
    this.#await(() => step(iterator), this.#onNext);
  }

  #await(step: () => unknown, then: (result: IteratorResult<unknown>) => void): void {
    let answer: unknown;
    try {
      answer = this.#inScope === undefined ? step() : this.#inScope(step);
    } catch (error) {
      this.#onFailed(error);
      return;
    }
    Promise.resolve(answer as IteratorResult<unknown>).then(then, this.#onFailed);
  }

  readonly #onNext = (result: IteratorResult<unknown>): void => {
    this.#isAsking = false;
    if (result.done === true) this.#settle(undefined);
    else if (!this.#isCancelled) this.#write(result.value);
    else if (this.#iterator?.return === undefined) this.#settle(undefined);
  };

  readonly #onClosed = (result: IteratorResult<unknown> | undefined): void => {
    // One that yields in its `finally` is not through yet.
    if (result?.done === false) this.#close();
    else this.#settle(undefined);
  };

  readonly #onFailed = (error: unknown): void => {
    this.#isAsking = false;
    this.#settle({ error });
  };

  #settle(failure: PumpFailure | undefined): void {
    if (this.#iterator === undefined) return;
    this.#iterator = undefined;
    this.#owner.onPumpSettled(failure);
  }

  #write(message: unknown): void {
    let isTaken: boolean;
    try {
      isTaken = this.#owner.writeMessage(message);
    } catch (error) {
      // At the `yield` that gave it: where whoever made it can see it.
      this.#ask((iterator) => {
        if (iterator.throw === undefined) throw error;
        return iterator.throw(error);
      });
      return;
    }
    if (isTaken) this.onWritable();
  }
}

function iteratorOf(iterable: unknown): AsyncIterator<unknown> | Iterator<unknown> {
  if (typeof iterable === 'object' && iterable !== null) {
    if (Symbol.asyncIterator in iterable) return (iterable as AsyncIterable<unknown>)[Symbol.asyncIterator]();
    if (Symbol.iterator in iterable) return (iterable as Iterable<unknown>)[Symbol.iterator]();
  }
  throw new TypeError(
    'the handler of a method with a stream of responses must return an AsyncIterable of them',
  );
}

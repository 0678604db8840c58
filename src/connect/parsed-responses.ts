/**
 * The responses of a streaming call as Connect reads them. Connect's clients never say that they have left a stream: a
 * `for await` that ends early does not reach the transport. So a call of whose responses nobody holds the reading end
 * any more is cancelled when that is collected; its `signal` cancels it at once.
 */
import { connectErrorOf } from './call-error.js';

type Responses = AsyncIterator<Uint8Array, void>;

export class ParsedResponses<Message> implements AsyncIterableIterator<Message, void, undefined> {
  readonly #responses: Responses;
  readonly #parse: (bytes: Uint8Array) => Message;
  /** That of the first `next`, by which the call has begun. */
  #first: ReturnType<Responses['next']> | undefined;

  /** Nothing that the call holds may hold this: it is known by its end that nobody reads. */
  constructor(
    responses: Responses,
    first: ReturnType<Responses['next']>,
    parse: (bytes: Uint8Array) => Message,
  ) {
    this.#responses = responses;
    this.#first = first;
    this.#parse = parse;
    unread.register(this, responses, this);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Rejects with a ConnectError. */
  async next(): Promise<IteratorResult<Message, void>> {
    const result = this.#first ?? this.#responses.next();
    this.#first = undefined;
    try {
      const { done, value } = await result;
      if (done !== true) return { done: false, value: this.#parse(value) };
    } catch (error) {
      unread.unregister(this);
      leave(this.#responses);
      throw connectErrorOf(error);
    }
    unread.unregister(this);
    return { done: true, value: undefined };
  }
}

const unread = new FinalizationRegistry(leave);

function leave(responses: Responses): void {
  void responses.return?.();
}

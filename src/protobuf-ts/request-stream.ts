/**
 * The messages of a streamed request between the generated client, which sends them one by one, and the call, which asks
 * for the next one when it has room: what is sent while it has none waits, and its promise with it.
 */
import { Deferred, RpcError, type RpcInputStream } from '@protobuf-ts/runtime-rpc';

export class RequestStream<Message> implements RpcInputStream<Message>, AsyncIterable<Uint8Array> {
  readonly #encode: (message: Message) => Uint8Array;
  readonly #waiting: { readonly bytes: Uint8Array; readonly sent: Deferred<void> }[] = [];
  #isComplete = false;
  /** The call is over, whatever comes now. */
  #end: { readonly error: RpcError | undefined } | undefined;
  #wake: () => void = () => undefined;

  /** `encode` throws RpcError. */
  constructor(encode: (message: Message) => Uint8Array) {
    this.#encode = encode;
  }

  /**
   * Resolves when the call has taken it, or needs no more of them; rejects with the error of the call, if that has failed,
   * or when it cannot be encoded or comes after `complete`.
   */
  send(message: Message): Promise<void> {
    // A Deferred of theirs: who does not await it hears of no unhandled rejection.
    const sent = new Deferred<void>();
    try {
      if (this.#isComplete) throw new RpcError('no message can follow complete()', 'FAILED_PRECONDITION');
      const bytes = this.#encode(message);
      if (this.#end === undefined) this.#waiting.push({ bytes, sent });
      else settle(sent, this.#end.error);
    } catch (error) {
      sent.reject(error);
    }
    this.#wake();
    return sent.promise;
  }

  complete(): Promise<void> {
    this.#isComplete = true;
    this.#wake();
    return Promise.resolve();
  }

  /** For the call alone: each message is there once. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const next = this.#waiting.shift();
      if (next !== undefined) {
        next.sent.resolve();
        yield next.bytes;
      } else if (this.#isComplete || this.#end !== undefined) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** With its call; `error` when that has failed. */
  end(error?: RpcError): void {
    this.#end = { error };
    for (const { sent } of this.#waiting.splice(0)) settle(sent, error);
    this.#wake();
  }
}

function settle(sent: Deferred<void>, error: RpcError | undefined): void {
  if (error === undefined) sent.resolve();
  else sent.reject(error);
}

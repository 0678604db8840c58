/**
 * One call from its beginning to its end, as the promises that the call objects of protobuf-ts are made of. They are
 * Deferreds of that library: one that nobody awaits makes no unhandled rejection.
 */
import {
  Deferred,
  type MethodInfo,
  RpcError,
  type RpcMetadata,
  type RpcStatus,
} from '@protobuf-ts/runtime-rpc';
import { type RpcCallOptions } from '../index.js';
import { callErrorOf } from './call-error.js';
import { emptyMeta, metaOf } from './meta.js';

export type Responses = AsyncIterator<Uint8Array, void>;

/** Where its messages go. */
export interface MessageSink {
  /** Resolves when the next one may come. Throws what the codec throws. */
  take(bytes: Uint8Array): Promise<void> | void;
  /** Once, whatever comes of the call. */
  end(error?: RpcError): void;
}

export class RunningCall {
  readonly #headers = new Deferred<RpcMetadata>();
  readonly #status = new Deferred<RpcStatus>();
  readonly #trailers = new Deferred<RpcMetadata>();
  readonly #method: MethodInfo;
  readonly #header = emptyMeta();
  #trailer = emptyMeta();
  #responses: Responses | undefined;
  #hasLeft = false;

  constructor(method: MethodInfo) {
    this.#method = method;
  }

  get promises() {
    return {
      headers: this.#headers.promise,
      status: this.#status.promise,
      trailers: this.#trailers.promise,
    };
  }

  /** Never throws. `begin` may: with what cannot be sent. */
  async run(
    begin: (callbacks: Pick<RpcCallOptions, 'onHeader' | 'onTrailer'>) => Responses,
    sink: MessageSink,
  ): Promise<void> {
    try {
      const responses = (this.#responses = begin({
        onHeader: (metadata) => {
          this.#onHeader(metaOf(metadata));
        },
        onTrailer: (metadata) => {
          this.#trailer = metaOf(metadata);
        },
      }));
      for (;;) {
        const { done, value } = await responses.next();
        // A server that sends no header has an empty one.
        this.#headers.resolvePending(this.#header);
        if (done === true) break;
        await sink.take(value);
      }
      if (this.#hasLeft) throw new RpcError('the responses were left before their end', 'CANCELLED');
    } catch (error) {
      this.leave();
      this.#fail(callErrorOf(this.#method, error), sink);
      return;
    }
    sink.end();
    this.#status.resolvePending({ code: 'OK', detail: '' });
    this.#trailers.resolvePending(this.#trailer);
  }

  /** Cancels it, if it is not over. */
  leave(): void {
    this.#hasLeft = true;
    void this.#responses?.return?.();
  }

  /** That of another attempt, after one that has failed, takes its place in the same object. */
  #onHeader(header: RpcMetadata): void {
    for (const key of Object.keys(this.#header)) Reflect.deleteProperty(this.#header, key);
    Object.assign(this.#header, header);
    this.#headers.resolvePending(this.#header);
  }

  #fail(error: RpcError, sink: MessageSink): void {
    this.#headers.rejectPending(error);
    sink.end(error);
    this.#status.rejectPending(error);
    this.#trailers.rejectPending(error);
  }
}

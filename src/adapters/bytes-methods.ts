/**
 * The methods of a channel with their messages as bytes: what the adapters to other libraries' generated clients stand
 * on. Those have codecs and descriptors of their own; of a method it takes its names, its kind, and what its `.proto`
 * says of idempotency. Built on the public door, so a call made here is a call like any other.
 */
import {
  type Channel,
  createClient,
  type IdempotencyLevel,
  type MessageCodec,
  type RpcCallOptions,
} from '../index.js';

export interface BytesMethod {
  /** With its package: `image.v1.ImageService`. */
  readonly service: string;
  /** As in the `.proto`: `GetChunk`. */
  readonly name: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly idempotencyLevel: IdempotencyLevel | undefined;
}

/** What can be asked of all calls of an adapter, as the library's own options have no words for it. */
export type AdapterCallOptions = Omit<
  RpcCallOptions,
  'deadline' | 'signal' | 'metadata' | 'onHeader' | 'onTrailer'
>;

type Call = (
  request: Uint8Array | AsyncIterable<Uint8Array>,
  options: RpcCallOptions,
) => Promise<Uint8Array> | AsyncIterable<Uint8Array>;

export class BytesMethods<Descriptor extends object> {
  readonly #channel: Channel;
  readonly #callOptions: AdapterCallOptions | undefined;
  readonly #describe: (descriptor: Descriptor) => BytesMethod;
  /** Made with the first call of each. */
  readonly #calls = new WeakMap<Descriptor, Call>();

  /** Throws RangeError for call options that cannot be. */
  constructor(
    channel: Channel,
    callOptions: AdapterCallOptions | undefined,
    describe: (descriptor: Descriptor) => BytesMethod,
  ) {
    this.#channel = channel;
    this.#callOptions = callOptions;
    this.#describe = describe;
    createClient({ name: '', fullName: '', methods: {} }, channel, { '*': callOptions });
  }

  /** Of a method with one response. Rejects with what calls reject with. */
  async one(
    descriptor: Descriptor,
    request: Uint8Array | AsyncIterable<Uint8Array>,
    options: RpcCallOptions,
  ): Promise<Uint8Array> {
    return (await this.#callOf(descriptor)(request, options)) as Uint8Array;
  }

  /** Of a method of any kind. The call begins with the first `next`; leaving it cancels a call that streams its responses. */
  responses(
    descriptor: Descriptor,
    request: Uint8Array | AsyncIterable<Uint8Array>,
    options: RpcCallOptions,
  ): AsyncIterator<Uint8Array, void> {
    const call = this.#callOf(descriptor);
    if (this.#describe(descriptor).responseStream) {
      return (call(request, options) as AsyncIterable<Uint8Array, void>)[Symbol.asyncIterator]();
    }
    return oneOf(() => call(request, options) as Promise<Uint8Array>);
  }

  #callOf(descriptor: Descriptor): Call {
    let call = this.#calls.get(descriptor);
    if (call === undefined) {
      const { service, name, requestStream, responseStream, idempotencyLevel } = this.#describe(descriptor);
      const kind = { requestStream, responseStream, requestType: BYTES, responseType: BYTES };
      const methods = { call: { name, ...kind, options: { idempotencyLevel } } };
      const definition = { name: service, fullName: service, methods };
      // What the mapped type of the client says depends on its kind, which is not known before it runs.
      call = createClient(definition, this.#channel, { '*': this.#callOptions }).call as unknown as Call;
      this.#calls.set(descriptor, call);
    }
    return call;
  }
}

async function* oneOf(call: () => Promise<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  yield await call();
}

const BYTES: MessageCodec = {
  encode: (bytes: Uint8Array) => ({ finish: () => bytes }),
  decode: (bytes: Uint8Array) => bytes,
};

/**
 * A channel as the `RpcTransport` of the clients that protobuf-ts generates. Deadlines, retries and limits are those of
 * the channel; interceptors are run by the clients themselves.
 */
import {
  ClientStreamingCall,
  Deferred,
  DuplexStreamingCall,
  mergeRpcOptions,
  type MethodInfo,
  type RpcOptions,
  type RpcTransport,
  ServerStreamingCall,
  UnaryCall,
} from '@protobuf-ts/runtime-rpc';
import { type AdapterCallOptions, BytesMethods } from '../adapters/bytes-methods.js';
import { metadataFrom } from '../adapters/text-metadata.js';
import { type Channel } from '../index.js';
import { decodeResponse, encodeRequest } from './message-bytes.js';
import { entriesOf } from './meta.js';
import { RequestStream } from './request-stream.js';
import { ResponseStream } from './response-stream.js';
import { type MessageSink, RunningCall } from './running-call.js';

/** Of every call: `meta`, `timeout`, `interceptors`, `binaryOptions`, `abort` of protobuf-ts, and udprpc's own. */
export interface TransportOptions extends RpcOptions {
  /** For every call: retries, hedging, sizes, and the timeout of those that name none. Default: those of the channel. */
  readonly callOptions?: AdapterCallOptions | undefined;
}

/**
 * For `new ImageServiceClient(transportFromChannel(channel))`. The channel stays the caller's, to close. Throws RangeError
 * for call options that cannot be. Calls reject with an RpcError of protobuf-ts, whose `cause` is that of udprpc.
 */
export function transportFromChannel(channel: Channel, options: TransportOptions = {}): RpcTransport {
  return new ChannelTransport(channel, options);
}

class ChannelTransport implements RpcTransport {
  readonly #methods: BytesMethods<MethodInfo>;
  readonly #defaults: RpcOptions;

  constructor(channel: Channel, { callOptions, ...defaults }: TransportOptions) {
    this.#methods = new BytesMethods<MethodInfo>(channel, callOptions, (method) => ({
      service: method.service.typeName,
      name: method.name,
      requestStream: method.clientStreaming,
      responseStream: method.serverStreaming,
      idempotencyLevel: method.idempotency,
    }));
    this.#defaults = defaults;
  }

  mergeOptions(options?: Partial<RpcOptions>): RpcOptions {
    return mergeRpcOptions(this.#defaults, options);
  }

  unary<I extends object, O extends object>(
    method: MethodInfo<I, O>,
    input: I,
    options: RpcOptions,
  ): UnaryCall<I, O> {
    const { headers, response, status, trailers } = this.#callForOne(method, options, () =>
      encodeRequest(method, input, options),
    );
    return new UnaryCall(method, options.meta ?? {}, input, headers, response, status, trailers);
  }

  serverStreaming<I extends object, O extends object>(
    method: MethodInfo<I, O>,
    input: I,
    options: RpcOptions,
  ): ServerStreamingCall<I, O> {
    const { headers, responses, status, trailers } = this.#callForMany(method, options, () =>
      encodeRequest(method, input, options),
    );
    return new ServerStreamingCall(method, options.meta ?? {}, input, headers, responses, status, trailers);
  }

  clientStreaming<I extends object, O extends object>(
    method: MethodInfo<I, O>,
    options: RpcOptions,
  ): ClientStreamingCall<I, O> {
    const requests = requestStream(method, options);
    const { headers, response, status, trailers } = this.#callForOne(
      method,
      options,
      () => requests,
      requests,
    );
    return new ClientStreamingCall(method, options.meta ?? {}, requests, headers, response, status, trailers);
  }

  duplex<I extends object, O extends object>(
    method: MethodInfo<I, O>,
    options: RpcOptions,
  ): DuplexStreamingCall<I, O> {
    const requests = requestStream(method, options);
    const { headers, responses, status, trailers } = this.#callForMany(
      method,
      options,
      () => requests,
      requests,
    );
    return new DuplexStreamingCall(
      method,
      options.meta ?? {},
      requests,
      headers,
      responses,
      status,
      trailers,
    );
  }

  #callForOne<I extends object, O extends object>(
    method: MethodInfo<I, O>,
    options: RpcOptions,
    request: () => Request,
    requests?: RequestStream<I>,
  ) {
    const call = new RunningCall(method);
    const response = new Deferred<O>();
    this.#run(call, method, options, request, {
      take(bytes) {
        response.resolve(decodeResponse(method, bytes, options));
      },
      end(error) {
        requests?.end(error);
        if (error !== undefined) response.rejectPending(error);
      },
    });
    return { ...call.promises, response: response.promise };
  }

  #callForMany<I extends object, O extends object>(
    method: MethodInfo<I, O>,
    options: RpcOptions,
    request: () => Request,
    requests?: RequestStream<I>,
  ) {
    const call = new RunningCall(method);
    const responses = new ResponseStream<O>(() => {
      call.leave();
    });
    this.#run(call, method, options, request, {
      take: (bytes) => responses.take(decodeResponse(method, bytes, options), bytes.length),
      end(error) {
        requests?.end(error);
        responses.end(error);
      },
    });
    return { ...call.promises, responses };
  }

  #run(
    call: RunningCall,
    method: MethodInfo,
    options: RpcOptions,
    request: () => Request,
    sink: MessageSink,
  ): void {
    const { abort, timeout, meta = {} } = options;
    const time = timeout instanceof Date ? { deadline: timeout } : { timeoutMs: timeout };
    const path = `/${method.service.typeName}/${method.name}`;
    void call.run(
      (callbacks) =>
        this.#methods.responses(method, request(), {
          ...time,
          ...callbacks,
          signal: abort,
          metadata: metadataFrom(path, entriesOf(meta)),
        }),
      sink,
    );
  }
}

type Request = Uint8Array | AsyncIterable<Uint8Array>;

function requestStream<I extends object>(method: MethodInfo<I>, options: RpcOptions): RequestStream<I> {
  return new RequestStream((message) => encodeRequest(method, message, options));
}

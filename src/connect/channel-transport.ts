/**
 * A channel as the `Transport` of Connect's clients. Deadlines, retries and limits are those of the channel; interceptors
 * are run by Connect, so that they see what they see over HTTP, but for the headers of protocols, of which there are none.
 */
import {
  type DescMessage,
  type DescMethod,
  type DescMethodStreaming,
  type DescMethodUnary,
  type MessageShape,
} from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as Level } from '@bufbuild/protobuf/wkt';
import {
  Code,
  ConnectError,
  type ContextValues,
  createContextValues,
  type Interceptor,
  type StreamRequest,
  type StreamResponse,
  type Transport,
  type UnaryRequest,
  type UnaryResponse,
} from '@connectrpc/connect';
import { createMethodUrl, runStreamingCall, runUnaryCall } from '@connectrpc/connect/protocol';
import { type AdapterCallOptions, type BytesMethod, BytesMethods } from '../adapters/bytes-methods.js';
import { metadataFrom } from '../adapters/text-metadata.js';
import { type Channel, type RpcCallOptions } from '../index.js';
import { connectErrorOf } from './call-error.js';
import { fillHeaders } from './headers.js';
import { decodeMessage, encodeMessage } from './message-bytes.js';
import { ParsedResponses } from './parsed-responses.js';
import { timeLimits } from './time-limits.js';

/** What all calls of a transport have. */
export interface TransportOptions {
  /** Of all calls. As with Connect's own transports the last one is the nearest to the network. */
  readonly interceptors?: readonly Interceptor[] | undefined;
  /** For every call: retries, hedging, sizes, and the timeout of calls that name none. Default: those of the channel. */
  readonly callOptions?: AdapterCallOptions | undefined;
}

/**
 * For Connect's `createClient(ImageService, transportFromChannel(channel))`. The channel stays the caller's, to close.
 * Throws RangeError for call options that cannot be. Calls reject with a ConnectError, whose `cause` is the RpcError.
 */
export function transportFromChannel(channel: Channel, options: TransportOptions = {}): Transport {
  const methods = new BytesMethods<DescMethod>(channel, options.callOptions, bytesMethodOf);
  const baseUrl = baseUrlOf(channel.target);
  const common = (signal: AbortSignal | undefined) => ({
    interceptors: [...(options.interceptors ?? [])],
    ...(signal !== undefined && { signal }),
  });
  const request = (method: DescMethod, header?: HeadersInit, contextValues?: ContextValues) => ({
    service: method.parent,
    requestMethod: 'POST',
    url: createMethodUrl(baseUrl, method),
    header: new Headers(header),
    contextValues: contextValues ?? createContextValues(),
  });
  return {
    async unary(method, signal, timeoutMs, header, message, contextValues) {
      const { callTime, connectTime } = timeLimits(timeoutMs);
      return runUnaryCall({
        ...common(signal),
        ...connectTime,
        req: { ...request(method, header, contextValues), stream: false, method, message },
        next: (req) => callForOne(methods, req, callTime),
      });
    },
    async stream(method, signal, timeoutMs, header, message, contextValues) {
      const { callTime, connectTime } = timeLimits(timeoutMs);
      return runStreamingCall({
        ...common(signal),
        ...connectTime,
        req: { ...request(method, header, contextValues), stream: true, method, message },
        next: (req) => callForMany(methods, req, callTime),
      });
    },
  };
}

/** Interceptors may read it as a URL, and a target may be without scheme, or no address at all, as that of a server in memory. */
function baseUrlOf(target: string): string {
  return target.includes('://') ? target : `udprpc://${target.replaceAll(' ', '%20')}`;
}

function bytesMethodOf({ parent, name, methodKind, idempotency }: DescMethod): BytesMethod {
  return {
    service: parent.typeName,
    name,
    requestStream: methodKind === 'client_streaming' || methodKind === 'bidi_streaming',
    responseStream: methodKind === 'server_streaming' || methodKind === 'bidi_streaming',
    idempotencyLevel: LEVELS[idempotency],
  };
}

const LEVELS = {
  [Level.IDEMPOTENCY_UNKNOWN]: undefined,
  [Level.NO_SIDE_EFFECTS]: 'NO_SIDE_EFFECTS',
  [Level.IDEMPOTENT]: 'IDEMPOTENT',
} as const;

async function callForOne<I extends DescMessage, O extends DescMessage>(
  methods: BytesMethods<DescMethod>,
  request: UnaryRequest<I, O>,
  callTime: RpcCallOptions,
): Promise<UnaryResponse<I, O>> {
  const method: DescMethodUnary<I, O> = request.method;
  const header = new Headers();
  const trailer = new Headers();
  try {
    const bytes = await methods.one(method, encodeMessage(method.input, request.message), {
      ...callTime,
      ...optionsOf(request, trailer),
      onHeader: (metadata) => {
        fillHeaders(header, metadata);
      },
    });
    const message = decodeMessage(method.output, bytes);
    return { stream: false, service: method.parent, method, header, message, trailer };
  } catch (error) {
    throw connectErrorOf(error);
  }
}

/** Resolves with the header; the header of a server that sends none is there with its first message. */
async function callForMany<I extends DescMessage, O extends DescMessage>(
  methods: BytesMethods<DescMethod>,
  request: StreamRequest<I, O>,
  callTime: RpcCallOptions,
): Promise<StreamResponse<I, O>> {
  const method: DescMethodStreaming<I, O> = request.method;
  const header = new Headers();
  const trailer = new Headers();
  try {
    const messages =
      method.methodKind === 'server_streaming'
        ? encodeMessage(method.input, await onlyMessage(request.message))
        : encodeMessages(method.input, request.message);
    const { responses, first, hasHeader } = begin((onHeader) =>
      methods.responses(method, messages, {
        ...callTime,
        ...optionsOf(request, trailer),
        onHeader: (metadata) => {
          fillHeaders(header, metadata);
          onHeader();
        },
      }),
    );
    await Promise.race([hasHeader, first]);
    const parse = (bytes: Uint8Array): MessageShape<O> => decodeMessage(method.output, bytes);
    const message = new ParsedResponses(responses, first, parse);
    return { stream: true, service: method.parent, method, header, message, trailer };
  } catch (error) {
    throw connectErrorOf(error);
  }
}

function begin(call: (onHeader: () => void) => AsyncIterator<Uint8Array, void>) {
  let onHeader = (): void => undefined;
  const hasHeader = new Promise<void>((resolve) => (onHeader = resolve));
  const responses = call(onHeader);
  return { responses, first: responses.next(), hasHeader };
}

/** Throws RpcError for a header that cannot be. */
function optionsOf(
  { method, header, signal }: UnaryRequest | StreamRequest,
  trailer: Headers,
): RpcCallOptions {
  const onTrailer: RpcCallOptions['onTrailer'] = (metadata) => {
    fillHeaders(trailer, metadata);
  };
  return { signal, metadata: metadataFrom(`/${method.parent.typeName}/${method.name}`, header), onTrailer };
}

async function onlyMessage<Message>(messages: AsyncIterable<Message>): Promise<Message> {
  for await (const message of messages) return message;
  throw new ConnectError('a server-streaming call has one request, and got none', Code.InvalidArgument);
}

async function* encodeMessages<Desc extends DescMessage>(
  desc: Desc,
  messages: AsyncIterable<MessageShape<Desc>>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const message of messages) yield encodeMessage(desc, message);
}

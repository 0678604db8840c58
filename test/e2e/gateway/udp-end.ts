/** The bytes service and its client over UDP. */
import {
  type CallContext,
  createChannel,
  createServer,
  Metadata,
  type MessageCodec,
  type RequestContext,
  rpcFromChannel,
  type RpcCallOptions,
  RpcError,
  ServerError,
  type ServerOptions,
  type ServiceDefinition,
  Status,
  type ChannelOptions,
} from '../../../src/index.js';
import {
  type Behaviour,
  type ClientEnd,
  deferred,
  type End,
  Failure,
  iterate,
  type KindName,
  KINDS,
  type ServerEnd,
  SERVICE,
} from './bytes-service.js';

const codec: MessageCodec = {
  encode: (message: Uint8Array) => ({ finish: () => message }),
  decode: (message) => message,
};

export const BytesDefinition = {
  name: 'Bytes',
  fullName: SERVICE,
  methods: Object.fromEntries(
    KINDS.map(({ name, requestStream, responseStream }) => [
      name,
      { name, requestStream, responseStream, requestType: codec, responseType: codec, options: {} },
    ]),
  ),
} satisfies ServiceDefinition;

export async function serveUdp(
  behave: Behaviour,
  options: ServerOptions = {},
  address = '127.0.0.1:0',
): Promise<ServerEnd> {
  const server = createServer(options);
  const methods = KINDS.map(({ name, requestStream, responseStream }) => {
    const run = (request: unknown, context: CallContext & RequestContext): AsyncIterable<Uint8Array> =>
      answer(behave, name, requestStream ? request : [request], context);
    const method = responseStream
      ? run
      : async (request: unknown, context: CallContext & RequestContext) => {
          let last: Uint8Array | undefined;
          for await (const message of run(request, context)) last = message;
          return last;
        };
    return [name, method] as const;
  });
  server.add(BytesDefinition, Object.fromEntries(methods));
  const port = await server.listen(address);
  return {
    port,
    close: async () => {
      await server.shutdown({ graceMs: 0 });
    },
  };
}

async function* answer(
  behave: Behaviour,
  kind: KindName,
  request: unknown,
  context: CallContext & RequestContext,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { metadata, trailer, signal, deadline } = context;
  try {
    yield* behave({
      kind,
      metadata,
      trailer,
      signal,
      deadline,
      requests: iterate(request as AsyncIterable<Uint8Array>),
      sendHeader: (header) => {
        for (const [key, values] of header) for (const value of values) context.header.append(key, value);
        context.sendHeader();
      },
    });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { statusDetails } = error;
    throw Object.assign(new ServerError(error.code, error.message), { statusDetails });
  }
}

export interface UdpClientEnd extends ClientEnd {
  /** What a call rejects with. */
  refusal(name: KindName): Promise<RpcError>;
}

export function udpClient(target: string, options: ChannelOptions = {}): UdpClientEnd {
  const channel = createChannel(target, options);
  return {
    call: (name, requests, { metadata, timeoutMs } = {}) => {
      const controller = new AbortController();
      const header = deferred<Metadata>();
      const end = deferred<End>();
      let trailer = Metadata();
      const callOptions: RpcCallOptions = {
        metadata,
        timeoutMs,
        onHeader: header.resolve,
        onTrailer: (received) => (trailer = received),
      };
      const rpc = rpcFromChannel(channel, { callOptions });
      const answers = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
        try {
          yield* start(rpc, name, iterate(requests), controller.signal);
          end.resolve({ code: Status.OK, details: '', trailer });
        } catch (error) {
          if (!(error instanceof RpcError)) throw error;
          end.resolve({ code: error.code, details: error.details, trailer: error.metadata });
        }
      };
      return {
        header: header.promise,
        messages: answers(),
        end: end.promise,
        cancel: () => {
          controller.abort();
        },
      };
    },
    refusal: async (name) => {
      try {
        for await (const message of start(
          rpcFromChannel(channel),
          name,
          iterate([new Uint8Array()]),
          NEVER,
        )) {
          throw new Error(`answered with ${message.length} bytes`);
        }
      } catch (error) {
        if (error instanceof RpcError) return error;
        throw error;
      }
      throw new Error('it was not refused');
    },
    close: () => channel.close(),
  };
}

const NEVER = new AbortController().signal;

async function* start(
  rpc: ReturnType<typeof rpcFromChannel>,
  name: KindName,
  requests: AsyncGenerator<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const one = async (): Promise<Uint8Array> => {
    const first = await requests.next();
    return first.done === true ? new Uint8Array() : first.value;
  };
  switch (name) {
    case 'Unary':
      yield await rpc.request(SERVICE, name, await one(), signal);
      return;
    case 'ServerStream':
      yield* rpc.serverStreamingRequest(SERVICE, name, await one(), signal);
      return;
    case 'ClientStream':
      yield await rpc.clientStreamingRequest(SERVICE, name, requests, signal);
      return;
    case 'Bidi':
      yield* rpc.bidirectionalStreamingRequest(SERVICE, name, requests, signal);
  }
}

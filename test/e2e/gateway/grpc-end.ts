/** The bytes service and its client over HTTP/2, by @grpc/grpc-js. */
import { type EventEmitter } from 'node:events';
import { type Readable } from 'node:stream';
import * as grpc from '@grpc/grpc-js';
import { Metadata } from '../../../src/index.js';
import {
  type Behaviour,
  type ClientCall,
  type ClientEnd,
  type End,
  Failure,
  iterate,
  type KindName,
  KINDS,
  type ServedCall,
  type ServerEnd,
  SERVICE,
} from './bytes-service.js';

const same = (message: Uint8Array): Buffer => Buffer.from(message);
const path = (name: KindName): string => `/${SERVICE}/${name}`;

const definition: grpc.ServiceDefinition = Object.fromEntries(
  KINDS.map(({ name, requestStream, responseStream }) => [
    name,
    {
      path: path(name),
      requestStream,
      responseStream,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    },
  ]),
);

export async function serveGrpc(
  behave: Behaviour,
  options: grpc.ServerOptions = {},
  credentials = grpc.ServerCredentials.createInsecure(),
  wantedPort = 0,
): Promise<ServerEnd> {
  const server = new grpc.Server(options);
  server.addService(definition, {
    Unary: (call: grpc.ServerUnaryCall<Buffer, Buffer>, callback: grpc.sendUnaryData<Buffer>) => {
      void answerOnce(behave, 'Unary', call, [call.request], callback);
    },
    ServerStream: (call: grpc.ServerWritableStream<Buffer, Buffer>) => {
      void answerAll(behave, 'ServerStream', call, [call.request]);
    },
    ClientStream: (call: grpc.ServerReadableStream<Buffer, Buffer>, callback: grpc.sendUnaryData<Buffer>) => {
      void answerOnce(behave, 'ClientStream', call, messagesOf(call), callback);
    },
    Bidi: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
      void answerAll(behave, 'Bidi', call, messagesOf(call));
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${wantedPort}`, credentials, (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  return {
    port,
    close: async () => {
      server.forceShutdown();
    },
  };
}

type AnyServerCall =
  | grpc.ServerUnaryCall<Buffer, Buffer>
  | grpc.ServerWritableStream<Buffer, Buffer>
  | grpc.ServerReadableStream<Buffer, Buffer>
  | grpc.ServerDuplexStream<Buffer, Buffer>;

function servedCall(
  kind: KindName,
  call: AnyServerCall,
  requests: AsyncIterable<Uint8Array> | Uint8Array[],
): ServedCall {
  const controller = new AbortController();
  (call as EventEmitter).on('cancelled', () => {
    controller.abort();
  });
  const deadline = call.getDeadline();
  return {
    kind,
    metadata: fromGrpc(call.metadata),
    requests: iterate(requests),
    deadline: deadline === Infinity ? undefined : new Date(deadline),
    signal: controller.signal,
    trailer: Metadata(),
    sendHeader: (header) => {
      call.sendMetadata(toGrpc(header));
    },
  };
}

async function answerOnce(
  behave: Behaviour,
  kind: KindName,
  call: AnyServerCall,
  requests: AsyncIterable<Uint8Array> | Uint8Array[],
  callback: grpc.sendUnaryData<Buffer>,
): Promise<void> {
  const served = servedCall(kind, call, requests);
  try {
    let last: Uint8Array = new Uint8Array();
    for await (const message of behave(served)) last = message;
    callback(null, Buffer.from(last), toGrpc(served.trailer));
  } catch (error) {
    callback(failureOf(error, served));
  }
}

async function answerAll(
  behave: Behaviour,
  kind: KindName,
  call: grpc.ServerWritableStream<Buffer, Buffer> | grpc.ServerDuplexStream<Buffer, Buffer>,
  requests: AsyncIterable<Uint8Array> | Uint8Array[],
): Promise<void> {
  const served = servedCall(kind, call, requests);
  const isOver = (): boolean => served.signal.aborted;
  try {
    for await (const message of behave(served)) {
      if (isOver()) return;
      if (!call.write(Buffer.from(message))) await drained(call, 'cancelled');
      if (isOver()) return;
    }
    call.end(toGrpc(served.trailer));
  } catch (error) {
    call.emit('error', failureOf(error, served));
  }
}

function failureOf(
  error: unknown,
  { trailer }: ServedCall,
): Error & { code: number; details: string; metadata: grpc.Metadata } {
  const metadata = toGrpc(trailer);
  if (!(error instanceof Failure)) {
    return Object.assign(new Error(String(error)), { code: 2, details: String(error), metadata });
  }
  if (error.statusDetails !== undefined) {
    metadata.set('grpc-status-details-bin', Buffer.from(error.statusDetails));
  }
  const { code, message: details } = error;
  return Object.assign(new Error(details), { code, details, metadata });
}

/** The other half of a stream goes on. */
function messagesOf(stream: Readable): AsyncIterable<Buffer> {
  return {
    [Symbol.asyncIterator]: () => stream.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>,
  };
}

/** There is room for more, or `end` says that there is no need of it. */
function drained(call: EventEmitter, end: string): Promise<void> {
  return new Promise((resolve) => {
    const onOver = (): void => {
      for (const event of ['drain', end]) call.off(event, onOver);
      resolve();
    };
    for (const event of ['drain', end]) call.on(event, onOver);
  });
}

export function grpcClient(
  address: string,
  options: grpc.ClientOptions = {},
  credentials = grpc.credentials.createInsecure(),
): ClientEnd {
  // The limit of what a client takes is none of the gateway's.
  const client = new grpc.Client(address, credentials, { 'grpc.max_receive_message_length': -1, ...options });
  return {
    call: (name, requests, { metadata = Metadata(), timeoutMs } = {}) => {
      const callOptions = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
      // By the kind-less method of grpc-js every kind is called the same on the wire.
      const call = client.makeBidiStreamRequest(path(name), same, same, toGrpc(metadata), callOptions);
      return clientCall(call, iterate(requests));
    },
    close: async () => {
      client.close();
    },
  };
}

function clientCall(
  call: grpc.ClientDuplexStream<Uint8Array, Buffer>,
  requests: AsyncGenerator<Uint8Array>,
): ClientCall {
  const header = new Promise<Metadata>((resolve) => {
    call.once('metadata', (received) => {
      resolve(fromGrpc(received));
    });
  });
  const end = new Promise<End>((resolve) => {
    call.once('status', ({ code, details, metadata }) => {
      resolve({ code, details, trailer: fromGrpc(metadata) });
    });
  });
  call.on('error', () => undefined);
  void send(call, requests);
  const messages = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const message of messagesOf(call)) yield new Uint8Array(message);
    } catch {
      // `end` says it.
    }
  };
  return {
    header,
    end,
    messages: messages(),
    cancel: () => {
      call.cancel();
    },
  };
}

async function send(
  call: grpc.ClientDuplexStream<Uint8Array, Buffer>,
  requests: AsyncGenerator<Uint8Array>,
): Promise<void> {
  for await (const message of requests) {
    if (call.destroyed) return;
    if (!call.write(message)) await drained(call, 'close');
  }
  call.end();
}

export function toGrpc(metadata: Metadata): grpc.Metadata {
  const made = new grpc.Metadata();
  for (const [key, values] of metadata) {
    for (const value of values) made.add(key, typeof value === 'string' ? value : Buffer.from(value));
  }
  return made;
}

export function fromGrpc(metadata: grpc.Metadata): Metadata {
  const made = Metadata();
  for (const key of Object.keys(metadata.getMap())) {
    for (const value of metadata.get(key))
      made.append(key, typeof value === 'string' ? value : new Uint8Array(value));
  }
  return made;
}

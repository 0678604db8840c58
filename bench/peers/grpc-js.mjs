import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import grpc from '@grpc/grpc-js';
import {
  DownloadRequest,
  DownloadResponse,
  EchoRequest,
  EchoResponse,
  endless,
  REQUEST,
  RESPONSE,
} from './payload.mjs';

const ECHO = methodOf('Echo', false, EchoRequest, EchoResponse);
const DOWNLOAD = methodOf('Download', true, DownloadRequest, DownloadResponse);

/** HTTP/2 windows that hold what a fast link carries, and messages as large as ours. */
const OPTIONS = {
  'grpc-node.flow_control_window': 16 << 20,
  'grpc.max_receive_message_length': 16 << 20,
};

function methodOf(name, responseStream, Request, Response) {
  return {
    path: `/test.v1.TestService/${name}`,
    requestStream: false,
    responseStream,
    requestSerialize: (message) => Buffer.from(Request.encode(message).finish()),
    requestDeserialize: (bytes) => Request.decode(bytes),
    responseSerialize: (message) => Buffer.from(Response.encode(message).finish()),
    responseDeserialize: (bytes) => Response.decode(bytes),
  };
}

export async function serve() {
  const server = new grpc.Server(OPTIONS);
  server.addService(
    { echo: ECHO, download: DOWNLOAD },
    {
      echo: (_call, callback) => callback(null, RESPONSE),
      download(call) {
        const payload = new Uint8Array(call.request.size).fill(7);
        // Whoever has enough cancels.
        pipeline(Readable.from(endless({ payload })), call).catch(() => undefined);
      },
    },
  );
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    );
  });
}

export async function connect(port) {
  const Client = grpc.makeClientConstructor({ echo: ECHO, download: DOWNLOAD }, 'TestService');
  const client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), OPTIONS);
  return {
    call: () =>
      new Promise((resolve, reject) => {
        client.echo(REQUEST, (error, response) => (error ? reject(error) : resolve(response)));
      }),
    async *download(size) {
      const call = client.download({ count: 0, size });
      call.on('error', () => undefined);
      try {
        yield* call;
      } finally {
        call.cancel();
      }
    },
    close: async () => client.close(),
  };
}

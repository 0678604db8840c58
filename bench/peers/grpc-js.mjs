import grpc from '@grpc/grpc-js';
import { EchoRequest, EchoResponse, REQUEST, RESPONSE } from './payload.mjs';

const METHOD = {
  path: '/test.v1.TestService/Echo',
  requestStream: false,
  responseStream: false,
  requestSerialize: (message) => Buffer.from(EchoRequest.encode(message).finish()),
  requestDeserialize: (bytes) => EchoRequest.decode(bytes),
  responseSerialize: (message) => Buffer.from(EchoResponse.encode(message).finish()),
  responseDeserialize: (bytes) => EchoResponse.decode(bytes),
};

export async function serve() {
  const server = new grpc.Server();
  server.addService({ echo: METHOD }, { echo: (_call, callback) => callback(null, RESPONSE) });
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    );
  });
}

export async function connect(port) {
  const Client = grpc.makeClientConstructor({ echo: METHOD }, 'TestService');
  const client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  return {
    call: () =>
      new Promise((resolve, reject) => {
        client.echo(REQUEST, (error, response) => (error ? reject(error) : resolve(response)));
      }),
    close: async () => client.close(),
  };
}

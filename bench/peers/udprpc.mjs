import { createChannel, createClient, createServer } from '../../dist/src/index.js';
import { endless, REQUEST, RESPONSE, TestServiceDefinition } from './payload.mjs';

export async function serve() {
  const server = createServer();
  server.add(TestServiceDefinition, {
    echo: async () => RESPONSE,
    download: ({ size }) => endless({ payload: new Uint8Array(size).fill(7) }),
  });
  return server.listen('127.0.0.1:0');
}

export async function connect(port) {
  const channel = createChannel(`udp://127.0.0.1:${port}`);
  const client = createClient(TestServiceDefinition, channel);
  return {
    call: () => client.echo(REQUEST),
    download: (size) => client.download({ size }),
    close: () => channel.close(),
  };
}

/** The product under TLS 1.3, with the suite that OpenSSL prefers for its speed here: AES-128-GCM. */
import { createChannel, createClient, createServer } from '../../dist/src/index.js';
import { makeCertificate, publish, published } from './certificate.mjs';
import { endless, REQUEST, RESPONSE, TestServiceDefinition } from './payload.mjs';

const ciphers = 'TLS_AES_128_GCM_SHA256';

export async function serve() {
  const certificate = await makeCertificate();
  const server = createServer({ tls: { ...certificate, ciphers } });
  server.add(TestServiceDefinition, {
    echo: async () => RESPONSE,
    download: ({ size }) => endless({ payload: new Uint8Array(size).fill(7) }),
  });
  const port = await server.listen('127.0.0.1:0');
  await publish(port, certificate);
  return port;
}

export async function connect(port) {
  const channel = createChannel(`udps://127.0.0.1:${port}`, { tls: { ca: await published(port), ciphers } });
  const client = createClient(TestServiceDefinition, channel);
  return {
    call: () => client.echo(REQUEST),
    download: (size) => client.download({ size }),
    close: () => channel.close(),
  };
}

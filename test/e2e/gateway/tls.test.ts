/** TLS on the HTTP/2 side and on the UDP side, each with whom it lets in and whom it trusts. */
import * as grpc from '@grpc/grpc-js';
import { createServer as createHttps, type Server as HttpsServer } from 'node:https';
import { once } from 'node:events';
import { type AddressInfo } from 'node:net';
import { Status, TargetError, TlsOptionsError } from '../../../src/index.js';
import { createGrpcToUdpGateway, createUdpToGrpcGateway, type Gateway } from '../../../src/gateway/index.js';
import { type Certificates, certificates } from '../../support/certificates.js';
import { type Behaviour, bytes, outcome, text } from './bytes-service.js';
import { grpcClient, serveGrpc } from './grpc-end.js';
import { closeLater, listenGateway } from './routes.js';
import { serveUdp, udpClient } from './udp-end.js';

const echo: Behaviour = (call) => call.requests;

let made: Certificates;

beforeAll(async () => {
  made = await certificates();
}, 30_000);

async function called(client: { call: ReturnType<typeof grpcClient>['call'] }): Promise<unknown> {
  const { code, messages } = await outcome(client.call('Unary', [bytes('a')], { timeoutMs: 5_000 }));
  return [code, messages.map(text)];
}

const ssl = (...[authority, client]: { cert: string; key: string }[]): grpc.ChannelCredentials =>
  client === undefined
    ? grpc.credentials.createSsl(Buffer.from(authority?.cert ?? ''))
    : grpc.credentials.createSsl(
        Buffer.from(authority?.cert ?? ''),
        Buffer.from(client.key),
        Buffer.from(client.cert),
      );

test('from gRPC with TLS to UDP with TLS', async () => {
  const { authority, localServer } = made;
  const server = closeLater(await serveUdp(echo, { tls: localServer }));
  const port = await listenGateway(
    createGrpcToUdpGateway({
      target: `udps://localhost:${server.port}`,
      channel: { tls: { ca: authority.cert } },
      tls: localServer,
    }),
  );
  expect(await called(closeLater(grpcClient(`localhost:${port}`, {}, ssl(authority))))).toEqual([
    Status.OK,
    ['a'],
  ]);
});

test('from UDP with TLS to gRPC with TLS', async () => {
  const { authority, localServer, client } = made;
  const credentials = grpc.ServerCredentials.createSsl(
    Buffer.from(authority.cert),
    [{ cert_chain: Buffer.from(localServer.cert), private_key: Buffer.from(localServer.key) }],
    true,
  );
  const server = closeLater(await serveGrpc(echo, {}, credentials));
  const port = await listenGateway(
    createUdpToGrpcGateway({
      target: `https://localhost:${server.port}`,
      tls: { ca: authority.cert, ...client },
      server: { tls: localServer },
    }),
  );
  const tls = { ca: authority.cert };
  expect(await called(closeLater(udpClient(`udps://localhost:${port}`, { tls })))).toEqual([
    Status.OK,
    ['a'],
  ]);
});

describe('a gateway that asks clients for a certificate', () => {
  let port: number;

  beforeEach(async () => {
    const { authority, localServer } = made;
    const server = closeLater(await serveUdp(echo));
    const tls = { ...localServer, ca: authority.cert, requestCert: true };
    port = await listenGateway(createGrpcToUdpGateway({ target: `udp://127.0.0.1:${server.port}`, tls }));
  });

  test('lets those in that have one', async () => {
    const credentials = ssl(made.authority, made.client);
    expect(await called(closeLater(grpcClient(`localhost:${port}`, {}, credentials)))).toEqual([
      Status.OK,
      ['a'],
    ]);
  });

  test.each(['none', 'one of another authority'])('and none with %s', async (which) => {
    const credentials = which === 'none' ? ssl(made.authority) : ssl(made.authority, made.foreignClient);
    expect(await called(closeLater(grpcClient(`localhost:${port}`, {}, credentials)))).toEqual([
      Status.UNAVAILABLE,
      [],
    ]);
  });
});

test('a gRPC server that is not trusted is UNAVAILABLE, and the answer says why', async () => {
  const { foreignLocalServer, authority } = made;
  const credentials = grpc.ServerCredentials.createSsl(null, [
    { cert_chain: Buffer.from(foreignLocalServer.cert), private_key: Buffer.from(foreignLocalServer.key) },
  ]);
  const server = closeLater(await serveGrpc(echo, {}, credentials));
  const target = `https://localhost:${server.port}`;
  const port = await listenGateway(createUdpToGrpcGateway({ target, tls: { ca: authority.cert } }));
  const error = await closeLater(udpClient(`udp://127.0.0.1:${port}`)).refusal('Unary');
  expect(error).toMatchObject({ code: Status.UNAVAILABLE, maybeExecuted: false });
  expect(error.details).toMatch(/certificate/);
});

test('a server of HTTPS that has no HTTP/2 is UNAVAILABLE, and the answer says so', async () => {
  const { authority, localServer } = made;
  const server: HttpsServer = createHttps({ ...localServer, ALPNProtocols: ['http/1.1'] });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closeLater({
    close: async () => {
      server.close();
    },
  });
  const { port: httpsPort } = server.address() as AddressInfo;
  const target = `https://localhost:${httpsPort}`;
  const port = await listenGateway(createUdpToGrpcGateway({ target, tls: { ca: authority.cert } }));
  const error = await closeLater(udpClient(`udp://127.0.0.1:${port}`)).refusal('Unary');
  expect(error.code).toBe(Status.UNAVAILABLE);
  expect(error.details).toMatch(/HTTP\/2|alpn|application protocol/i);
});

test.each<[string, () => Gateway, typeof TargetError | typeof TlsOptionsError, RegExp]>([
  [
    'a certificate without its key',
    () => createGrpcToUdpGateway({ target: 'udp://127.0.0.1', tls: { cert: made.server.cert } }),
    TlsOptionsError,
    /needs cert and key/,
  ],
  [
    'a key of another',
    () =>
      createGrpcToUdpGateway({
        target: 'udp://127.0.0.1',
        tls: { cert: made.server.cert, key: made.client.key },
      }),
    TlsOptionsError,
    /does not belong/,
  ],
  [
    'an authority that is none',
    () => createUdpToGrpcGateway({ target: 'https://a.example:1', tls: { ca: 'x' } }),
    TlsOptionsError,
    /ca is no certificate/,
  ],
  [
    'plaintext to another machine over HTTP/2',
    () => createUdpToGrpcGateway({ target: 'http://10.0.0.1:1' }),
    TargetError,
    /leaves this machine/,
  ],
  [
    'plaintext to another machine over UDP',
    () => createGrpcToUdpGateway({ target: 'udp://10.0.0.1' }),
    TargetError,
    /leaves this machine/,
  ],
])('%s is refused where the gateway is made', (_, make, Class, reason) => {
  expect(make).toThrow(Class);
  expect(make).toThrow(reason);
});

/**
 * The trace of one fetch through gateways, which have no span of their own: what a client says of its trace passes through, and
 * the server's spans stand under the client's.
 */
import * as niceGrpc from 'nice-grpc';
import { openTelemetryClientMiddleware, openTelemetryServerMiddleware } from 'nice-grpc-opentelemetry';
import { createGrpcToUdpGateway, createUdpToGrpcGateway } from '../../../src/gateway/index.js';
import { type ImageClient, ImageServiceDefinition } from '../../../src/images/index.js';
import { createChannel, createClientFactory, Status } from '../../../src/index.js';
import {
  expectTraceOfFetch,
  failuresOf,
  IMAGE_BYTES,
  inSpan,
  oneImage,
  recordSpans,
  tracedFetch,
  tracedImageServer,
} from '../../support/fetch-trace.js';
import { closeLater, listenGateway } from './routes.js';

const exporter = recordSpans();

async function udpServer(): Promise<string> {
  const server = await tracedImageServer();
  closeLater({
    close: async () => {
      await server.shutdown({ graceMs: 0 });
    },
  });
  return `udp://127.0.0.1:${await server.listen('127.0.0.1:0')}`;
}

async function grpcServer(): Promise<string> {
  const server = niceGrpc.createServer().use(openTelemetryServerMiddleware());
  server.add(ImageServiceDefinition, await oneImage());
  closeLater({
    close: async () => {
      server.forceShutdown();
    },
  });
  return `http://127.0.0.1:${await server.listen('127.0.0.1:0')}`;
}

async function grpcToUdp(target: string): Promise<string> {
  return `http://127.0.0.1:${await listenGateway(createGrpcToUdpGateway({ target }))}`;
}

async function udpToGrpc(target: string): Promise<string> {
  return `udp://127.0.0.1:${await listenGateway(createUdpToGrpcGateway({ target }))}`;
}

function grpcClient(address: string): ImageClient {
  const channel = niceGrpc.createChannel(address);
  closeLater({
    close: async () => {
      channel.close();
    },
  });
  return niceGrpc
    .createClientFactory()
    .use(openTelemetryClientMiddleware())
    .create(ImageServiceDefinition, channel);
}

function udpClient(address: string): ImageClient {
  const channel = closeLater(createChannel(address));
  return createClientFactory().use(openTelemetryClientMiddleware()).create(ImageServiceDefinition, channel);
}

const ROUTES = [
  { route: 'gRPC to UDP', connect: async () => grpcClient(await grpcToUdp(await udpServer())) },
  { route: 'UDP to gRPC', connect: async () => udpClient(await udpToGrpc(await grpcServer())) },
  {
    route: 'gRPC to UDP to gRPC',
    connect: async () => grpcClient(await grpcToUdp(await udpToGrpc(await grpcServer()))),
  },
];

describe.each(ROUTES)('$route', ({ connect }) => {
  test('each call is a span of the client, and its handler’s span stands under that', async () => {
    expect(await tracedFetch(await connect())).toBe(IMAGE_BYTES);
    const spans = expectTraceOfFetch(exporter.getFinishedSpans());
    const names = spans.clients.map(({ name }) => name);
    expect(names).toContain('image.v1.ImageService/GetMeta');
    expect(names.filter((name) => name === 'image.v1.ImageService/GetChunk').length).toBeGreaterThan(1);
    expect(failuresOf(spans)).toEqual([]);
  });

  test('a call that fails is an error of one trace', async () => {
    const client = await connect();
    // Not a fetch, which asks for a chunk at the same time and gives it up.
    const failed = inSpan(() => client.getMeta({ name: 'none.gif' }));
    await expect(failed).rejects.toMatchObject({ code: Status.NOT_FOUND });
    expect(failuresOf(expectTraceOfFetch(exporter.getFinishedSpans()))).toEqual([
      ['CLIENT', 'image.v1.ImageService/GetMeta', Status.NOT_FOUND],
      ['SERVER', 'image.v1.ImageService/GetMeta', Status.NOT_FOUND],
    ]);
  });
});

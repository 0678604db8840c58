/**
 * The trace of one fetch through a gateway, which has no span of its own: what a gRPC client says of its trace passes through, and
 * the server's spans stand under the client's.
 */
import * as niceGrpc from 'nice-grpc';
import { openTelemetryClientMiddleware } from 'nice-grpc-opentelemetry';
import { createGrpcToUdpGateway } from '../../../src/gateway/index.js';
import { ImageServiceDefinition } from '../../../src/images/index.js';
import { Status } from '../../../src/index.js';
import {
  expectTraceOfFetch,
  failuresOf,
  IMAGE_BYTES,
  recordSpans,
  tracedFetch,
  tracedImageServer,
} from '../../support/fetch-trace.js';
import { closeLater, listenGateway } from './routes.js';

const exporter = recordSpans();

/** Of gRPC, before a gateway to a UDP server. */
async function tracedClient(): Promise<niceGrpc.Client<typeof ImageServiceDefinition>> {
  const server = await tracedImageServer();
  closeLater({
    close: async () => {
      await server.shutdown({ graceMs: 0 });
    },
  });
  const target = `udp://127.0.0.1:${await server.listen('127.0.0.1:0')}`;
  const port = await listenGateway(createGrpcToUdpGateway({ target }));
  const channel = niceGrpc.createChannel(`http://127.0.0.1:${port}`);
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

test('each call is a span of the gRPC client, and its handler’s span stands under that', async () => {
  expect(await tracedFetch(await tracedClient())).toBe(IMAGE_BYTES);
  const spans = expectTraceOfFetch(exporter.getFinishedSpans());
  const names = spans.clients.map(({ name }) => name);
  expect(names).toContain('image.v1.ImageService/GetMeta');
  expect(names.filter((name) => name === 'image.v1.ImageService/GetChunk').length).toBeGreaterThan(1);
  expect(failuresOf(spans)).toEqual([]);
});

test('a call that fails is an error of one trace', async () => {
  const client = await tracedClient();
  await expect(tracedFetch(client, 'none.gif')).rejects.toMatchObject({ code: Status.NOT_FOUND });
  const failures = failuresOf(expectTraceOfFetch(exporter.getFinishedSpans()));
  // The chunk that was asked for at the same time may have been given up before its answer.
  expect(failures.filter(([, name]) => name === 'image.v1.ImageService/GetMeta')).toEqual([
    ['CLIENT', 'image.v1.ImageService/GetMeta', Status.NOT_FOUND],
    ['SERVER', 'image.v1.ImageService/GetMeta', Status.NOT_FOUND],
  ]);
});

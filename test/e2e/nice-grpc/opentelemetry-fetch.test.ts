/** The trace of one fetch of an image: who is whose parent, and when. */
import { openTelemetryClientMiddleware } from 'nice-grpc-opentelemetry';
import { ImageServiceDefinition } from '../../../src/images/index.js';
import { createChannel, createClientFactory } from '../../../src/index.js';
import {
  expectTraceOfFetch,
  failuresOf,
  IMAGE_BYTES,
  recordSpans,
  tracedFetch,
  tracedImageServer,
} from '../../support/fetch-trace.js';

const exporter = recordSpans();

test('each call of a fetch is a span under the one it was made in, and its handler’s span under that', async () => {
  const server = await tracedImageServer();
  const channel = createChannel(`udp://127.0.0.1:${await server.listen('127.0.0.1:0')}`);
  const client = createClientFactory()
    .use(openTelemetryClientMiddleware())
    .create(ImageServiceDefinition, channel);
  expect(await tracedFetch(client)).toBe(IMAGE_BYTES);
  await channel.close();
  await server.shutdown();
  const spans = expectTraceOfFetch(exporter.getFinishedSpans());
  const names = spans.clients.map(({ name }) => name);
  expect(names).toContain('image.v1.ImageService/GetMeta');
  expect(names.filter((name) => name === 'image.v1.ImageService/GetChunk').length).toBeGreaterThan(1);
  expect(failuresOf(spans)).toEqual([]);
});

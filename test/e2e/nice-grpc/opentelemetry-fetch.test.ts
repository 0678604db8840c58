/** The trace of one fetch of an image, as nice-grpc-opentelemetry makes it: who is whose parent, and when. */
import { context, type HrTime, propagation, SpanKind, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { hrTimeToMilliseconds, W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { openTelemetryClientMiddleware, openTelemetryServerMiddleware } from 'nice-grpc-opentelemetry';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createImageService,
  fetchImage,
  ImageServiceDefinition,
  ImageStore,
} from '../../../src/images/index.js';
import { createChannel, createClientFactory, createServer } from '../../../src/index.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const exporter = new InMemorySpanExporter();

beforeAll(() => {
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
});

afterAll(() => {
  trace.disable();
  context.disable();
  propagation.disable();
});

/** Spans begin by the wall clock, which has whole milliseconds, and end by the monotonic one. */
const CLOCK_MS = 2;

function ms(time: HrTime): number {
  return hrTimeToMilliseconds(time);
}

function expectWithin(inner: ReadableSpan, outer: ReadableSpan): void {
  expect(ms(inner.startTime)).toBeGreaterThanOrEqual(ms(outer.startTime) - CLOCK_MS);
  expect(ms(inner.endTime)).toBeLessThanOrEqual(ms(outer.endTime) + CLOCK_MS);
}

test('each call of a fetch is a span under the one it was made in, and its handler’s span under that', async () => {
  const [photos, fetched] = [temporaryDirectory(), temporaryDirectory()];
  const gif = new Uint8Array(300_000);
  gif.set(new TextEncoder().encode('GIF89a'));
  gif.set([1, 0, 1, 0], 6);
  writeFileSync(join(photos, 'dot.gif'), gif);

  const server = createServer().use(openTelemetryServerMiddleware());
  server.add(ImageServiceDefinition, createImageService(await ImageStore.open(photos)));
  const channel = createChannel(`udp://127.0.0.1:${await server.listen('127.0.0.1:0')}`);
  const client = createClientFactory()
    .use(openTelemetryClientMiddleware())
    .create(ImageServiceDefinition, channel);

  const { bytes } = await trace.getTracer('test').startActiveSpan('fetch', async (span) => {
    try {
      return await fetchImage(client, 'dot.gif', { directory: fetched });
    } finally {
      span.end();
    }
  });
  await channel.close();
  await server.shutdown();

  expect(bytes).toBe(300_000);
  const spans = exporter.getFinishedSpans();
  const root = spans.find(({ name }) => name === 'fetch');
  const clients = spans.filter(({ kind }) => kind === SpanKind.CLIENT);
  const servers = spans.filter(({ kind }) => kind === SpanKind.SERVER);
  if (root === undefined) throw new Error('the fetch has no span');
  expect(clients.map(({ name }) => name)).toContain('image.v1.ImageService/GetMeta');
  expect(clients.filter(({ name }) => name === 'image.v1.ImageService/GetChunk').length).toBeGreaterThan(1);
  expect(servers.length).toBe(clients.length);
  for (const span of clients) {
    expect(span.parentSpanContext?.spanId).toBe(root.spanContext().spanId);
    expectWithin(span, root);
  }
  const parents = new Map(clients.map((span) => [span.spanContext().spanId, span]));
  for (const span of servers) {
    const parent = parents.get(span.parentSpanContext?.spanId ?? '');
    parents.delete(span.parentSpanContext?.spanId ?? '');
    if (parent === undefined) throw new Error(`${span.name} of the server has no parent, or shares it`);
    expect([span.name, span.spanContext().traceId]).toEqual([parent.name, root.spanContext().traceId]);
    expectWithin(span, parent);
  }
});

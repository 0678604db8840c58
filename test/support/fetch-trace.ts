/** The trace of one fetch of an image, as nice-grpc-opentelemetry makes it on both sides, and what has to be right about it. */
import {
  context,
  createTraceState,
  type HrTime,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { hrTimeToMilliseconds, W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { openTelemetryServerMiddleware } from 'nice-grpc-opentelemetry';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createImageService,
  fetchImage,
  type ImageClient,
  ImageServiceDefinition,
  ImageStore,
} from '../../src/images/index.js';
import { createServer, type Server } from '../../src/index.js';
import { temporaryDirectory } from './temporary-directory.js';

export const IMAGE_BYTES = 300_000;
export const IMAGE_NAME = 'dot.gif';

/** Whose span the fetch's is a child of, as if another program had asked for it; `tracestate` has to go all the way. */
const CALLER = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceFlags: TraceFlags.SAMPLED,
  isRemote: true,
  traceState: createTraceState('vendor=t61rcWkgMzE,other=00f067'),
};

/** For the tests of one file. */
export function recordSpans(): InMemorySpanExporter {
  const exporter = new InMemorySpanExporter();
  beforeAll(() => {
    const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
    trace.setGlobalTracerProvider(provider);
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  });
  beforeEach(() => {
    exporter.reset();
  });
  afterAll(() => {
    trace.disable();
    context.disable();
    propagation.disable();
  });
  return exporter;
}

/** Handlers of an image server with one image. */
export async function oneImage(): Promise<ReturnType<typeof createImageService>> {
  const photos = temporaryDirectory();
  const gif = new Uint8Array(IMAGE_BYTES);
  gif.set(new TextEncoder().encode('GIF89a'));
  gif.set([1, 0, 1, 0], 6);
  writeFileSync(join(photos, IMAGE_NAME), gif);
  return createImageService(await ImageStore.open(photos));
}

/** An image server with one image. */
export async function tracedImageServer(): Promise<Server> {
  const server = createServer().use(openTelemetryServerMiddleware());
  server.add(ImageServiceDefinition, await oneImage());
  return server;
}

/** Under a span `fetch`. Resolves to the bytes that came. */
export async function tracedFetch(client: ImageClient): Promise<number> {
  const { bytes } = await inSpan(() => fetchImage(client, IMAGE_NAME, { directory: temporaryDirectory() }));
  return bytes;
}

/** Whatever `work` calls is under a span `fetch`. */
export function inSpan<Result>(work: () => Promise<Result>): Promise<Result> {
  const within = trace.setSpanContext(ROOT_CONTEXT, CALLER);
  return trace.getTracer('test').startActiveSpan('fetch', {}, within, async (span) => {
    try {
      return await work();
    } finally {
      span.end();
    }
  });
}

/** Spans begin by the wall clock, which has whole milliseconds, and end by the monotonic one. */
const CLOCK_MS = 2;

function ms(time: HrTime): number {
  return hrTimeToMilliseconds(time);
}

function expectWithin(inner: ReadableSpan, outer: ReadableSpan): void {
  expect(ms(inner.startTime)).toBeGreaterThanOrEqual(ms(outer.startTime) - CLOCK_MS);
  expect(ms(inner.endTime)).toBeLessThanOrEqual(ms(outer.endTime) + CLOCK_MS);
}

export interface FetchTrace {
  readonly clients: readonly ReadableSpan[];
  readonly servers: readonly ReadableSpan[];
}

/**
 * One trace: each call of the fetch is a span under `fetch`, within its time, and each handler's span under that of its call,
 * within its time; of both the same name and method.
 */
export function expectTraceOfFetch(spans: readonly ReadableSpan[]): FetchTrace {
  const root = spans.find(({ name }) => name === 'fetch');
  const clients = spans.filter(({ kind }) => kind === SpanKind.CLIENT);
  const servers = spans.filter(({ kind }) => kind === SpanKind.SERVER);
  if (root === undefined) throw new Error('the fetch has no span');
  expect(spans).toHaveLength(1 + clients.length + servers.length);
  expect(root.parentSpanContext?.spanId).toBe(CALLER.spanId);
  expect(clients.length).toBeGreaterThan(0);
  expect(servers).toHaveLength(clients.length);
  for (const span of clients) {
    expect(span.parentSpanContext?.spanId).toBe(root.spanContext().spanId);
    expect(span.attributes).toMatchObject({ 'rpc.service': ImageServiceDefinition.fullName });
    expectWithin(span, root);
  }
  const parents = new Map(clients.map((span) => [span.spanContext().spanId, span]));
  for (const span of servers) {
    const parent = parents.get(span.parentSpanContext?.spanId ?? '');
    parents.delete(span.parentSpanContext?.spanId ?? '');
    if (parent === undefined) throw new Error(`${span.name} of the server has no parent, or shares it`);
    expect([span.name, span.spanContext().traceId]).toEqual([parent.name, root.spanContext().traceId]);
    for (const attribute of ['rpc.service', 'rpc.method']) {
      expect([attribute, span.attributes[attribute]]).toEqual([attribute, parent.attributes[attribute]]);
    }
    expect(span.spanContext().traceState?.serialize()).toBe(CALLER.traceState.serialize());
    expectWithin(span, parent);
  }
  return { clients, servers };
}

/** Of each call's end, client's and server's: its name and status; of none OK. */
export function failuresOf({ clients, servers }: FetchTrace): unknown[][] {
  return [...clients, ...servers]
    .filter(({ status }) => status.code === SpanStatusCode.ERROR)
    .map(({ kind, name, attributes }) => [SpanKind[kind], name, attributes['rpc.grpc.status_code']]);
}

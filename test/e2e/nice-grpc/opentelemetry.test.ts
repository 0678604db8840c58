/** nice-grpc-opentelemetry: the spans of both sides, that they belong together, and that the handler runs inside of its own. */
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { openTelemetryClientMiddleware, openTelemetryServerMiddleware } from 'nice-grpc-opentelemetry';
import { TestServiceDefinition } from '../../../generated/test/v1/test.js';
import { callOf, type Kind, KINDS, PATHS, serviceOf } from './kinds.js';
import { aborted, failure, Gate } from './messages.js';
import { Stage, type TestClient, WORLDS } from './world.js';

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

/** The span of one side; there must be one. */
function spanOf(kind: SpanKind): ReadableSpan {
  const spans = exporter.getFinishedSpans().filter((span) => span.kind === kind);
  expect(spans).toHaveLength(1);
  return spans[0] as ReadableSpan;
}

function messagesOf(span: ReadableSpan): string[] {
  return span.events.map(({ attributes = {} }) => {
    return `${String(attributes['message.type'])} ${String(attributes['message.id'])}`;
  });
}

describe.each(WORLDS)('nice-grpc-opentelemetry on $name', (world) => {
  const { createClientFactory, Metadata, ServerError, Status } = world.library;
  const stage = new Stage(world);
  let cancelled: Gate;
  let ended: Gate;
  /** The span that the handler sees as its own. */
  let spanOfHandler: string | undefined;

  beforeEach(() => {
    exporter.reset();
    cancelled = new Gate();
    ended = new Gate();
    spanOfHandler = undefined;
  });

  async function client(): Promise<TestClient> {
    const channel = await stage.serve(
      serviceOf(async ({ metadata, signal }) => {
        spanOfHandler = trace.getActiveSpan()?.spanContext().spanId;
        if (metadata.get('how') === 'fail') throw new ServerError(Status.NOT_FOUND, 'nothing');
        if (metadata.get('how') !== 'cancel') return;
        cancelled.open();
        await aborted(signal);
        signal.throwIfAborted();
      }),
      (server) =>
        server
          .use(async function* (call, callContext) {
            try {
              return yield* call.next(call.request, callContext);
            } finally {
              ended.open();
            }
          })
          .use(openTelemetryServerMiddleware()),
    );
    return createClientFactory().use(openTelemetryClientMiddleware()).create(TestServiceDefinition, channel);
  }

  test.each<[Kind, string[], string[]]>([
    ['unary', [], []],
    ['server streaming', ['RECEIVED 1'], ['SENT 1']],
    ['client streaming', ['SENT 1', 'SENT 2'], ['RECEIVED 1', 'RECEIVED 2']],
    [
      'bidirectional',
      ['RECEIVED 1', 'RECEIVED 2', 'SENT 1', 'SENT 2'],
      ['RECEIVED 1', 'RECEIVED 2', 'SENT 1', 'SENT 2'],
    ],
  ])('makes one trace of both sides: %s', async (kind, clientMessages, serverMessages) => {
    await callOf(await client(), kind);
    await ended.opened;
    const [clientSpan, serverSpan] = [spanOf(SpanKind.CLIENT), spanOf(SpanKind.SERVER)];
    expect(clientSpan.name).toBe(PATHS[kind].slice(1));
    expect(serverSpan.name).toBe(PATHS[kind].slice(1));
    expect(serverSpan.spanContext().traceId).toBe(clientSpan.spanContext().traceId);
    expect(serverSpan.parentSpanContext?.spanId).toBe(clientSpan.spanContext().spanId);
    expect(spanOfHandler).toBe(serverSpan.spanContext().spanId);
    expect(serverSpan.attributes).toMatchObject({
      'rpc.system': 'grpc',
      'rpc.service': 'test.v1.TestService',
      'rpc.grpc.status_code': Status.OK,
      'net.peer.ip': '127.0.0.1',
      'net.peer.port': expect.any(Number) as number,
    });
    expect(messagesOf(clientSpan).sort()).toEqual(clientMessages);
    expect(messagesOf(serverSpan).sort()).toEqual(serverMessages);
  });

  test.each(KINDS)('tells errors: %s', async (kind) => {
    await failure(callOf(await client(), kind, { metadata: Metadata({ how: 'fail' }) }));
    await ended.opened;
    for (const span of [spanOf(SpanKind.CLIENT), spanOf(SpanKind.SERVER)]) {
      expect(span.status).toEqual({ code: SpanStatusCode.ERROR, message: 'NOT_FOUND: nothing' });
      expect(span.attributes).toMatchObject({
        'rpc.grpc.status_code': Status.NOT_FOUND,
        'rpc.grpc.status_text': 'NOT_FOUND',
      });
    }
  });

  test.each(KINDS)('tells what was aborted: %s', async (kind) => {
    const abortController = new AbortController();
    const call = callOf(await client(), kind, {
      metadata: Metadata({ how: 'cancel' }),
      signal: abortController.signal,
    });
    const failed = failure(call);
    await cancelled.opened;
    abortController.abort();
    await failed;
    await ended.opened;
    for (const span of [spanOf(SpanKind.CLIENT), spanOf(SpanKind.SERVER)]) {
      expect(span.status).toEqual({
        code: SpanStatusCode.ERROR,
        message: 'CANCELLED: The operation was cancelled',
      });
    }
  });

  test('tells of a stream that was left', async () => {
    for await (const message of (await client()).download({})) {
      expect(message.payload.length).toBeGreaterThan(0);
      break;
    }
    const span = spanOf(SpanKind.CLIENT);
    expect(span.status.message).toContain('CANCELLED: Stream iteration was aborted by client');
    expect(messagesOf(span)).toEqual(['RECEIVED 1']);
  });
});

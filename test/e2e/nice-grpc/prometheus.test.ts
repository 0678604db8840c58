/** nice-grpc-prometheus: what it counts on both sides, for each kind of method and each way to end. */
import { prometheusClientMiddleware, prometheusServerMiddleware, registry } from 'nice-grpc-prometheus';
import { TestServiceDefinition } from '../../../generated/test/v1/test.js';
import { callOf, type Kind, KINDS, PATHS, serviceOf } from './kinds.js';
import { aborted, failure, Gate } from './messages.js';
import { Stage, type TestClient, WORLDS } from './world.js';

const TYPES: Readonly<Record<Kind, string>> = {
  unary: 'unary',
  'server streaming': 'server_stream',
  'client streaming': 'client_stream',
  bidirectional: 'bidi_stream',
};

/** By a metric's name without `grpc_`, and the code where there is one; histograms by their count. */
async function counted(kind: Kind): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { name, values } of await registry.getMetricsAsJSON()) {
    for (const value of values) {
      const { labels, metricName } = value as typeof value & { metricName?: string };
      if (labels['grpc_path'] !== PATHS[kind]) continue;
      if (metricName !== undefined && !metricName.endsWith('_count')) continue;
      expect(labels).toMatchObject({ grpc_type: TYPES[kind], grpc_service: 'test.v1.TestService' });
      const code = labels['grpc_code'];
      const key = name.replace('grpc_', '') + (code === undefined ? '' : ` ${code}`);
      if (value.value > 0) counts[key] = value.value;
    }
  }
  return counts;
}

describe.each(WORLDS)('nice-grpc-prometheus on $name', (world) => {
  const { createClientFactory, Metadata, ServerError, Status } = world.library;
  const stage = new Stage(world);
  let cancelled: Gate;
  let ended: Gate;

  beforeEach(() => {
    registry.resetMetrics();
    cancelled = new Gate();
    ended = new Gate();
  });

  async function client(): Promise<TestClient> {
    const channel = await stage.serve(
      serviceOf(async ({ metadata, signal }) => {
        if (metadata.get('how') === 'fail') throw new ServerError(Status.NOT_FOUND, 'nothing');
        if (metadata.get('how') !== 'cancel') return;
        cancelled.open();
        await aborted(signal);
        signal.throwIfAborted();
      }),
      (server) =>
        server
          .use(async function* (call, context) {
            try {
              return yield* call.next(call.request, context);
            } finally {
              ended.open();
            }
          })
          .use(prometheusServerMiddleware()),
    );
    return createClientFactory().use(prometheusClientMiddleware()).create(TestServiceDefinition, channel);
  }

  test.each<[Kind, Record<string, number>]>([
    ['unary', {}],
    ['server streaming', { server_msg_sent_total: 1, client_msg_received_total: 1 }],
    ['client streaming', { client_msg_sent_total: 2, server_msg_received_total: 2 }],
    [
      'bidirectional',
      {
        client_msg_sent_total: 2,
        server_msg_received_total: 2,
        server_msg_sent_total: 2,
        client_msg_received_total: 2,
      },
    ],
  ])('counts calls and their messages: %s', async (kind, messages) => {
    await callOf(await client(), kind);
    await ended.opened;
    expect(await counted(kind)).toEqual({
      client_started_total: 1,
      'client_handled_total OK': 1,
      'client_handling_seconds OK': 1,
      server_started_total: 1,
      'server_handled_total OK': 1,
      'server_handling_seconds OK': 1,
      ...messages,
    });
  });

  test.each(KINDS)('counts errors by their codes: %s', async (kind) => {
    await failure(callOf(await client(), kind, { metadata: Metadata({ how: 'fail' }) }));
    await ended.opened;
    expect(await counted(kind)).toMatchObject({
      'client_handled_total NOT_FOUND': 1,
      'client_handling_seconds NOT_FOUND': 1,
      'server_handled_total NOT_FOUND': 1,
      'server_handling_seconds NOT_FOUND': 1,
    });
  });

  test.each(KINDS)('counts what was aborted as cancelled: %s', async (kind) => {
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
    expect(await counted(kind)).toMatchObject({
      'client_handled_total CANCELLED': 1,
      'server_handled_total CANCELLED': 1,
    });
  });

  test('counts a stream that was left as cancelled', async () => {
    for await (const message of (await client()).download({})) {
      expect(message.payload.length).toBeGreaterThan(0);
      break;
    }
    expect(await counted('server streaming')).toMatchObject({
      client_started_total: 1,
      client_msg_received_total: 1,
      'client_handled_total CANCELLED': 1,
    });
  });
});

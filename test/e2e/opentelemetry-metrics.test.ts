/** What the SDK of OpenTelemetry has of real calls, by its own reader. */
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { TestServiceDefinition } from '../../generated/test/v1/test.js';
import { createChannel, createClient, createServer, ServerError, Status } from '../../src/index.js';
import { collectMetrics, type Metrics } from '../../src/opentelemetry/index.js';

const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
const provider = new MeterProvider({ readers: [reader] });
let metrics: Metrics;

beforeAll(() => {
  metrics = collectMetrics({ meter: provider.getMeter('test') });
});

afterAll(async () => {
  metrics.stop();
  await provider.shutdown();
});

interface Point {
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly value: unknown;
}

/** What is told of one metric now. */
async function pointsOf(name: string): Promise<{ unit: string; points: readonly Point[] }> {
  exporter.reset();
  await reader.forceFlush();
  const found = exporter
    .getMetrics()
    .flatMap(({ scopeMetrics }) => scopeMetrics)
    .flatMap(({ metrics: told }) => told)
    .find(({ descriptor }) => descriptor.name === name);
  return { unit: found?.descriptor.unit ?? 'none', points: found?.dataPoints ?? [] };
}

test('calls by method and status with their durations, attempts, and connections', async () => {
  const server = createServer();
  server.add(TestServiceDefinition, {
    echo: async ({ payload }: { payload: Uint8Array }) => ({ payload }),
    put: () => Promise.reject(new ServerError(Status.NOT_FOUND, 'nothing there')),
  } as never);
  const port = await server.listen('127.0.0.1:0');
  const channel = createChannel(`udp://127.0.0.1:${port}`);
  const client = createClient(TestServiceDefinition, channel);
  for (let count = 0; count < 3; count++) await client.echo({});
  await expect(client.put({})).rejects.toMatchObject({ code: Status.NOT_FOUND });
  const stranger = {
    name: 'Far',
    fullName: 'far.v1.Away',
    methods: { go: TestServiceDefinition.methods.echo },
  };
  await expect(createClient(stranger, channel).go({})).rejects.toMatchObject({ code: Status.UNIMPLEMENTED });

  const ours = { 'rpc.system.name': 'udprpc', 'server.address': '127.0.0.1', 'server.port': port };
  const clients = await pointsOf('rpc.client.call.duration');
  expect(clients.unit).toBe('s');
  expect(
    clients.points.map(({ attributes, value }) => [attributes, (value as { count: number }).count]),
  ).toEqual([
    [{ ...ours, 'rpc.method': 'test.v1.TestService/Echo', 'rpc.response.status_code': 'OK' }, 3],
    [
      {
        ...{ ...ours, 'rpc.method': 'test.v1.TestService/Put' },
        ...{ 'rpc.response.status_code': 'NOT_FOUND', 'error.type': 'NOT_FOUND' },
      },
      1,
    ],
    [
      {
        ...{ ...ours, 'rpc.method': 'far.v1.Away/Echo' },
        ...{ 'rpc.response.status_code': 'UNIMPLEMENTED', 'error.type': 'UNIMPLEMENTED' },
      },
      1,
    ],
  ]);
  for (const { value } of clients.points) {
    expect((value as { sum: number }).sum).toBeGreaterThan(0);
    expect((value as { sum: number }).sum).toBeLessThan(60);
  }
  expect((await pointsOf('udprpc.connections')).points).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ attributes: { 'udprpc.side': 'client' }, value: 1 }),
      expect.objectContaining({ attributes: { 'udprpc.side': 'server' }, value: 1 }),
    ]),
  );
  await channel.close();
  await server.shutdown();

  const servers = await pointsOf('rpc.server.call.duration');
  const told = servers.points.map(({ attributes }) => [
    attributes['rpc.method'],
    attributes['rpc.response.status_code'],
    attributes['error.type'],
  ]);
  expect(told).toEqual([
    ['test.v1.TestService/Echo', 'OK', undefined],
    // The client's business.
    ['test.v1.TestService/Put', 'NOT_FOUND', undefined],
    ['_OTHER', 'UNIMPLEMENTED', 'UNIMPLEMENTED'],
  ]);
  expect((await pointsOf('udprpc.client.attempts')).points.map(({ value }) => value)).toEqual([3, 1, 1]);
  expect((await pointsOf('udprpc.connections')).points.map(({ value }) => value)).toEqual([0, 0]);
});

import { channel } from 'node:diagnostics_channel';
import { Registry } from 'prom-client';
import { type DiagnosticsEvents, Status } from '../../../src/index.js';
import { collectMetrics, type Metrics } from '../../../src/prometheus/index.js';
import { NO_TRANSPORT_STATS } from '../../../src/rpc/stream-transport.js';

let register: Registry;
let metrics: Metrics;

beforeEach(() => {
  register = new Registry();
  metrics = collectMetrics({ register });
});

afterEach(() => {
  metrics.stop();
});

function tell<Name extends keyof DiagnosticsEvents>(
  name: Name,
  payload: Partial<DiagnosticsEvents[Name]>,
): void {
  channel(name).publish(payload);
}

/** Lines of the text format that begin with `prefix`, without it, and without zeros of buckets. */
async function lines(prefix: string): Promise<string[]> {
  const text = await register.metrics();
  return text
    .split('\n')
    .filter((line) => line.startsWith(prefix))
    .map((line) => line.slice(prefix.length));
}

const path = '/a.B/C';

test('calls of a client: started, in flight, handled by status, and how long they took', async () => {
  const call = {};
  tell('udprpc:client.call.start', { call, path });
  tell('udprpc:client.call.start', { call: {}, path });
  expect(await lines('udprpc_client_calls')).toEqual([
    '_started_total{method="/a.B/C"} 2',
    '_in_flight{method="/a.B/C"} 2',
  ]);
  tell('udprpc:client.call.end', { call, path, code: Status.NOT_FOUND, durationMs: 30 });
  expect(await lines('udprpc_client_calls')).toEqual([
    '_started_total{method="/a.B/C"} 2',
    '_handled_total{method="/a.B/C",code="NOT_FOUND"} 1',
    '_in_flight{method="/a.B/C"} 1',
  ]);
  const duration = await lines('udprpc_client_call_duration_seconds');
  expect(duration).toContain('_bucket{le="0.025",method="/a.B/C"} 0');
  expect(duration).toContain('_bucket{le="0.05",method="/a.B/C"} 1');
  expect(duration).toContain('_sum{method="/a.B/C"} 0.03');
});

test('a call that began before anybody counted is handled, and was never in flight', async () => {
  tell('udprpc:client.call.end', { call: {}, path, code: Status.OK, durationMs: 1 });
  expect(await lines('udprpc_client_calls')).toEqual(['_handled_total{method="/a.B/C",code="OK"} 1']);
});

test('attempts by status, and the round-trip time where there was one', async () => {
  tell('udprpc:client.attempt.end', { path, code: Status.UNAVAILABLE, rttMs: undefined });
  tell('udprpc:client.attempt.end', { path, code: Status.OK, rttMs: 4 });
  expect(await lines('udprpc_client_attempts')).toEqual([
    '_total{method="/a.B/C",code="UNAVAILABLE"} 1',
    '_total{method="/a.B/C",code="OK"} 1',
  ]);
  const rtt = await lines('udprpc_client_rtt_seconds');
  expect(rtt).toContain('_bucket{le="0.0025"} 0');
  expect(rtt).toContain('_bucket{le="0.005"} 1');
  expect(rtt).toContain('_count 1');
});

test('paths that a server does not have are one series, whatever strangers think of', async () => {
  for (const name of ['x', 'y', 'z']) {
    const call = {};
    tell('udprpc:server.call.start', { call, path: `/${name}`, isServed: false });
    const code = Status.UNIMPLEMENTED;
    tell('udprpc:server.call.end', { call, path: `/${name}`, isServed: false, code, durationMs: 0 });
  }
  const call = {};
  tell('udprpc:server.call.start', { call, path, isServed: true });
  tell('udprpc:server.call.end', { call, path, isServed: true, code: Status.OK, durationMs: 1 });
  expect(await lines('udprpc_server_calls')).toEqual([
    '_started_total{method="unknown"} 3',
    '_started_total{method="/a.B/C"} 1',
    '_handled_total{method="unknown",code="UNIMPLEMENTED"} 3',
    '_handled_total{method="/a.B/C",code="OK"} 1',
    '_in_flight{method="unknown"} 0',
    '_in_flight{method="/a.B/C"} 0',
  ]);
});

test('traffic of connections counts on while they are open, and each datagram once', async () => {
  let stats = { ...NO_TRANSPORT_STATS, datagramsSent: 5, packetsLost: 1 };
  const connection = {};
  tell('udprpc:connection.open', { connection, side: 'client', sample: () => stats });
  tell('udprpc:connection.open', {
    connection: {},
    side: 'client',
    sample: () => ({ ...NO_TRANSPORT_STATS, datagramsSent: 100 }),
  });
  const sent = 'udprpc_datagrams_sent_total{side="client"} ';
  expect(await lines(sent)).toEqual(['105']);
  expect(await lines(sent)).toEqual(['105']);
  stats = { ...stats, datagramsSent: 7 };
  expect(await lines(sent)).toEqual(['107']);
  stats = { ...stats, datagramsSent: 8, packetsLost: 3 };
  tell('udprpc:connection.close', { connection, side: 'client', by: 'idle', stats });
  expect(await lines(sent)).toEqual(['108']);
  expect(await lines('udprpc_packets_lost_total')).toEqual(['{side="client"} 3']);
  expect(await lines('udprpc_connections')).toEqual([
    '{side="client"} 1',
    '_closed_total{side="client",by="idle"} 1',
  ]);
});

test('stopped, it counts nothing, leaves nothing in the registry, and may begin again', async () => {
  metrics.stop();
  metrics.stop();
  tell('udprpc:client.call.start', { call: {}, path });
  expect(await register.metrics()).toBe('\n');
  expect(channel('udprpc:client.call.start').hasSubscribers).toBe(false);
  metrics = collectMetrics({ register });
  tell('udprpc:client.call.start', { call: {}, path });
  expect(await lines('udprpc_client_calls_started_total')).toEqual(['{method="/a.B/C"} 1']);
});

test('two registries, or two prefixes, count the same', async () => {
  const other = collectMetrics({ register, prefix: 'app_', durationBuckets: [1, 2] });
  const call = {};
  tell('udprpc:client.call.start', { call, path });
  tell('udprpc:client.call.end', { call, path, code: Status.OK, durationMs: 1_500 });
  expect(await lines('app_client_call_duration_seconds_bucket')).toEqual([
    '{le="1",method="/a.B/C"} 0',
    '{le="2",method="/a.B/C"} 1',
    '{le="+Inf",method="/a.B/C"} 1',
  ]);
  expect(await lines('udprpc_client_calls_handled_total')).toHaveLength(1);
  other.stop();
});

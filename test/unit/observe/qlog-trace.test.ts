import { crc32 } from 'node:zlib';
import { type QlogSink, QlogTrace } from '../../../src/observe/qlog-trace.js';
import { type ConnectionFacts } from '../../../src/transport/connection/connection-observer.js';
import { EndpointPair, type PairOptions, type Side, testMeans } from '../../support/endpoint-pair.js';
import { checksumKeys, createKeyedHandshake } from '../../support/keyed-handshake.js';
import { parseQlog, type QlogEvent, type QlogFile, qlogFaults } from '../../support/qlog-schema.js';

/** Keeps all records, as far as there is room. */
class Sink implements QlogSink {
  text = '';
  hasEnded = false;
  isFull = false;

  write(record: string): boolean {
    if (this.isFull) return false;
    this.text += record;
    return true;
  }

  end(): void {
    this.hasEnded = true;
  }
}

function loggedPair(options: PairOptions = {}): { pair: EndpointPair; sinks: Record<Side, Sink> } {
  const sinks = { client: new Sink(), server: new Sink() };
  const observe = (facts: ConnectionFacts, now: number): QlogTrace =>
    new QlogTrace({ facts, referenceTime: 1_700_000_000_000 + now, sink: sinks[facts.role] }, now);
  const means = { ...testMeans(), ...options.means, observe };
  return { pair: new EndpointPair({ ...options, means }), sinks };
}

/** A connection from its first datagram until it is forgotten, with losses, resets, and all kinds of waiting. */
function eventful(): Record<Side, Sink> {
  const { pair, sinks } = loggedPair();
  let count = 0;
  pair.filter = ({ bytes }) => (++count % 7 === 0 ? undefined : bytes);
  const { client, server } = pair.establish();
  const long = client.openStream() ?? -1;
  const short = client.openStream() ?? -1;
  client.writeStream(long, [new Uint8Array(200_000)], true);
  client.writeStream(short, [new Uint8Array(10)], false);
  pair.client.touch(client);
  pair.run(() => client.stats.packetsLost > 5);
  client.resetStream(short, 3);
  server.stopStream(long, 4);
  pair.client.touch(client);
  pair.server.touch(server);
  pair.run(() => client.bytesInFlight === 0);
  client.close(7, 'that was “enough”', pair.now);
  pair.client.touch(client);
  pair.run(() => pair.client.connectionCount === 0 && pair.server.connectionCount === 0);
  return sinks;
}

const packetOf = ({ data }: QlogEvent): string => JSON.stringify(data['header']);
const named = (file: QlogFile, name: string): QlogEvent[] =>
  file.events.filter((event) => event.name === name);
const states = (file: QlogFile): unknown[] =>
  named(file, 'connectivity:connection_state_updated').map(({ data }) => data['new']);

test('every record is what the drafts ask for', () => {
  const { client, server } = eventful();
  for (const sink of [client, server]) {
    expect(qlogFaults(parseQlog(sink.text))).toEqual([]);
    expect(sink.hasEnded).toBe(true);
  }
  const kinds = new Set(parseQlog(client.text).events.map(({ name }) => name));
  expect([...kinds].sort()).toEqual([
    'connectivity:connection_closed',
    'connectivity:connection_id_updated',
    'connectivity:connection_started',
    'connectivity:connection_state_updated',
    'connectivity:mtu_updated',
    'recovery:congestion_state_updated',
    'recovery:loss_timer_updated',
    'recovery:metrics_updated',
    'recovery:packet_lost',
    'transport:packet_received',
    'transport:packet_sent',
    'transport:parameters_set',
    'transport:version_information',
  ]);
});

test('what is lost or acknowledged was sent before, and what one side received the other sent', () => {
  const sinks = eventful();
  const files = { client: parseQlog(sinks.client.text), server: parseQlog(sinks.server.text) };
  for (const [own, other] of [
    [files.client, files.server],
    [files.server, files.client],
  ] as const) {
    const sent = new Set<string>();
    let lostCount = 0;
    for (const event of own.events) {
      if (event.name === 'transport:packet_sent') sent.add(packetOf(event));
      if (event.name !== 'recovery:packet_lost') continue;
      lostCount++;
      expect(sent.has(packetOf(event))).toBe(true);
    }
    if (own === files.client) expect(lostCount).toBeGreaterThan(5);
    const sentFrames = new Map(
      named(own, 'transport:packet_sent').map((event) => [packetOf(event), event.data['frames']]),
    );
    for (const event of named(other, 'transport:packet_received')) {
      expect(event.data['frames']).toEqual(sentFrames.get(packetOf(event)));
    }
  }
});

test('the life of a connection stands in its states, and its end with code and reason', () => {
  const sinks = eventful();
  const client = parseQlog(sinks.client.text);
  const server = parseQlog(sinks.server.text);
  const begun = ['attempted', 'handshake_started', 'handshake_confirmed'];
  expect(states(client)).toEqual([...begun, 'closing', 'closed']);
  expect(states(server)).toEqual([...begun, 'draining', 'closed']);
  const end = { application_code: 7, reason: 'that was “enough”', trigger: 'application' };
  expect(named(client, 'connectivity:connection_closed')[0]?.data).toEqual({ owner: 'local', ...end });
  expect(named(server, 'connectivity:connection_closed')[0]?.data).toEqual({ owner: 'remote', ...end });
});

test('metrics are told when they change, and only then', () => {
  const events = named(parseQlog(eventful().client.text), 'recovery:metrics_updated');
  const last = new Map<string, unknown>();
  for (const { data } of events) {
    expect(Object.keys(data).length).toBeGreaterThan(0);
    for (const [name, value] of Object.entries(data)) {
      expect(value).not.toBe(last.get(name));
      last.set(name, value);
    }
  }
  // One way is 5 ms.
  expect(last.get('min_rtt')).toBe(10);
  expect(last.get('bytes_in_flight')).toBe(0);
});

test('the same run gives the same log', () => {
  const first = eventful();
  const second = eventful();
  expect(second.client.text).toBe(first.client.text);
  expect(second.server.text).toBe(first.server.text);
});

test('a client that moves, and datagrams that grow, stand in the log', () => {
  const { pair, sinks } = loggedPair();
  const { client } = pair.establish();
  pair.run(() => false, 200);
  pair.clientAddress = { ip: '10.0.0.1', port: 50_000 };
  const stream = client.openStream() ?? -1;
  client.writeStream(stream, [new Uint8Array(100_000)], true);
  pair.client.touch(client);
  pair.run(() => false, 1_000);
  const server = parseQlog(sinks.server.text);
  expect(named(server, 'connectivity:path_updated').map(({ data }) => data)).toEqual([
    { old: '10.0.0.1 40000', new: '10.0.0.1 50000' },
  ]);
  expect(qlogFaults(server)).toEqual([]);
  const sizes = named(parseQlog(sinks.client.text), 'connectivity:mtu_updated').map(({ data }) => data);
  expect(sizes[0]).toEqual({ new: 1_200 });
  expect(Math.max(...sizes.map((size) => Number(size['new'])))).toBe(1_452);
});

test('a key update stands in the log of both, with who began it', () => {
  const createHandshake = createKeyedHandshake(testMeans().createHandshake, checksumKeys(crc32));
  const { pair, sinks } = loggedPair({ means: { createHandshake }, client: { keyUpdateMs: 500 } });
  const { client } = pair.establish();
  const stream = client.openStream() ?? -1;
  for (let part = 0; part < 3; part++) {
    client.writeStream(stream, [new Uint8Array(100)], false);
    pair.client.touch(client);
    pair.run(() => false, 300);
  }
  const ofClient = { key_type: 'client_1rtt_secret', key_phase: 1 };
  const ofServer = { key_type: 'server_1rtt_secret', key_phase: 1 };
  const updates = (side: Side): unknown[] =>
    named(parseQlog(sinks[side].text), 'security:key_updated').map(({ data }) => data);
  expect(updates('client')).toEqual([
    { ...ofClient, trigger: 'local_update' },
    { ...ofServer, trigger: 'local_update' },
  ]);
  expect(updates('server')).toEqual([
    { ...ofServer, trigger: 'remote_update' },
    { ...ofClient, trigger: 'remote_update' },
  ]);
  expect(qlogFaults(parseQlog(sinks.server.text))).toEqual([]);
});

test('records for which there is no room are counted where they are missing', () => {
  const { pair, sinks } = loggedPair();
  const { client } = pair.establish();
  pair.run(() => client.bytesInFlight === 0);
  const before = parseQlog(sinks.client.text).events.length;
  sinks.client.isFull = true;
  const stream = client.openStream() ?? -1;
  client.writeStream(stream, [new Uint8Array(5_000)], true);
  pair.client.touch(client);
  pair.run(() => client.bytesInFlight === 0);
  sinks.client.isFull = false;
  client.close(0, '', pair.now);
  const [note, next] = parseQlog(sinks.client.text).events.slice(before);
  expect(note?.name).toBe('generic:warning');
  expect(note?.data['message']).toMatch(/^[1-9]\d* records dropped/);
  expect(next?.name).toBe('connectivity:connection_closed');
});

import {
  type ConnectionFacts,
  type ConnectionObserver,
} from '../../../../src/transport/connection/connection-observer.js';
import { type DropReason } from '../../../../src/transport/connection/connection-stats.js';
import { PacketSpace } from '../../../../src/transport/recovery/sent-packet.js';
import { ByteReader } from '../../../../src/transport/wire/byte-reader.js';
import { decodeFrame } from '../../../../src/transport/wire/frame.js';
import { EndpointPair, type Side, testMeans } from '../../../support/endpoint-pair.js';

/** Keeps what it was told, as text. */
class Witness implements ConnectionObserver {
  readonly sent = new Map<string, string>();
  readonly received = new Map<string, string>();
  readonly lost: string[] = [];
  readonly dropped: { reason: DropReason; bytes: number }[] = [];
  readonly told: string[] = [];
  sentBytes = 0;
  steps = 0;

  onPacketSent(space: PacketSpace, packetNumber: number, payload: Uint8Array, bytes: number): void {
    this.sent.set(`${space}:${packetNumber}`, framesOf(payload, space));
    this.sentBytes += bytes;
  }

  onPacketReceived(space: PacketSpace, packetNumber: number, payload: Uint8Array): void {
    this.received.set(`${space}:${packetNumber}`, framesOf(payload, space));
  }

  onPacketDropped(reason: DropReason, bytes: number): void {
    this.dropped.push({ reason, bytes });
  }

  onRetry(_sourceId: Uint8Array, bytes: number): void {
    this.told.push(`retry ${bytes}`);
  }

  onPacketsLost(packets: readonly { space: PacketSpace; packetNumber: number }[]): void {
    for (const { space, packetNumber } of packets) this.lost.push(`${space}:${packetNumber}`);
  }

  onRecoveryTimeout(probeSpace: PacketSpace | undefined): void {
    this.told.push(`timeout ${probeSpace ?? 'loss'}`);
  }

  onPeerParameters(): void {
    this.told.push('parameters');
  }

  onClosed({ by }: { by: string }): void {
    this.told.push(`closed ${by}`);
  }

  onStep(): void {
    this.steps++;
  }

  onForgotten(): void {
    this.told.push('forgotten');
  }
}

function framesOf(payload: Uint8Array, space: PacketSpace): string {
  const reader = new ByteReader(payload);
  const types: number[] = [];
  while (reader.remaining > 0) types.push(decodeFrame(reader, space).type);
  return types.join(' ');
}

function observedPair(): { pair: EndpointPair; witness: Record<Side, Witness>; facts: ConnectionFacts[] } {
  const witness = { client: new Witness(), server: new Witness() };
  const facts: ConnectionFacts[] = [];
  const observe = (fact: ConnectionFacts): Witness => {
    facts.push(fact);
    return witness[fact.role];
  };
  return { pair: new EndpointPair({ means: { ...testMeans(), observe } }), witness, facts };
}

test('an observer is told every packet that was sent, in the clear, and the peer’s the same of each that arrived', () => {
  const { pair, witness, facts } = observedPair();
  const { client, server } = pair.establish();
  const stream = client.openStream() ?? -1;
  client.writeStream(stream, [new Uint8Array(20_000)], true);
  pair.client.touch(client);
  pair.run();
  expect(facts.map(({ role }) => role)).toEqual(['client', 'server']);
  expect(facts[1]?.originalDestinationId).toEqual(facts[0]?.originalDestinationId);
  for (const [sender, receiver, connection] of [
    [witness.client, witness.server, client],
    [witness.server, witness.client, server],
  ] as const) {
    expect(sender.sent.size).toBe(connection.stats.packetsSent);
    expect(sender.sentBytes).toBe(connection.stats.bytesSent);
    expect(receiver.received).toEqual(sender.sent);
    expect(receiver.dropped).toEqual([]);
    expect(sender.steps).toBeGreaterThanOrEqual(
      connection.stats.datagramsSent + connection.stats.datagramsReceived,
    );
  }
});

test('every lost packet that an observer is told of had been sent, and did not arrive', () => {
  const { pair, witness } = observedPair();
  const { client } = pair.establish();
  let count = 0;
  pair.filter = ({ from, bytes }) => (from === 'client' && ++count % 5 === 0 ? undefined : bytes);
  const stream = client.openStream() ?? -1;
  client.writeStream(stream, [new Uint8Array(30_000)], true);
  pair.client.touch(client);
  pair.run(() => client.stats.packetsLost > 3 && client.bytesInFlight === 0);
  const { lost, sent } = witness.client;
  expect(lost.length).toBe(client.stats.packetsLost);
  expect(lost.filter((packet) => !sent.has(packet))).toEqual([]);
  expect(lost.filter((packet) => witness.server.received.has(packet))).toEqual([]);
});

test('each dropped packet is told with its reason and its bytes', () => {
  const { pair, witness } = observedPair();
  const { client, server } = pair.establish();
  pair.run(() => client.bytesInFlight === 0 && server.bytesInFlight === 0);
  const seen = pair.flights.filter(({ from, bytes }) => from === 'client' && (bytes[0] ?? 0) < 0x80).at(-1);
  if (seen === undefined) throw new Error('no packet of the short form');
  pair.deliver('server', seen.bytes.slice());
  const damaged = seen.bytes.slice();
  damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
  damaged[9] = 0x70;
  pair.deliver('server', damaged);
  pair.deliver('server', seen.bytes.slice(), { ip: '10.9.9.9', port: 53 });
  const bytes = seen.bytes.length;
  expect(witness.server.dropped).toEqual([
    { reason: 'duplicate', bytes },
    { reason: 'notAuthentic', bytes },
    { reason: 'otherAddress', bytes },
  ]);
  expect(server.stats.drops.otherAddress).toBe(1);
  expect(client.isReady).toBe(true);
});

test('the end is told once, and so is that nothing more comes', () => {
  const { pair, witness } = observedPair();
  const { client } = pair.establish();
  client.close(7, 'enough', pair.now);
  pair.client.touch(client);
  pair.run(() => pair.client.connectionCount === 0 && pair.server.connectionCount === 0);
  expect(witness.client.told).toEqual(['parameters', 'closed local', 'forgotten']);
  expect(witness.server.told).toEqual(['parameters', 'closed peer', 'forgotten']);
});

test('a PTO is told with its space', () => {
  const { pair, witness } = observedPair();
  const { client } = pair.establish();
  pair.run(() => client.bytesInFlight === 0);
  pair.filter = ({ from, bytes }) => (from === 'client' ? undefined : bytes);
  const stream = client.openStream() ?? -1;
  client.writeStream(stream, [new Uint8Array(10)], true);
  pair.client.touch(client);
  pair.run(() => client.stats.ptoCount > 0);
  expect(witness.client.told.at(-1)).toBe(`timeout ${PacketSpace.PROTECTED}`);
});

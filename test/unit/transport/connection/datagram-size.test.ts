import { jest } from '@jest/globals';
import { type Connection } from '../../../../src/transport/connection/connection.js';
import { PacketSpaceState } from '../../../../src/transport/connection/packet-space-state.js';
import {
  DEFAULT_TRANSPORT_OPTIONS,
  resolveTransportOptions,
} from '../../../../src/transport/connection/transport-options.js';
import { type EndpointMeans } from '../../../../src/transport/endpoint/endpoint.js';
import { PacketSpace } from '../../../../src/transport/recovery/sent-packet.js';
import { MAX_PACKET_NUMBER } from '../../../../src/transport/wire/packet-number.js';
import {
  decodeTransportParameters,
  encodeTransportParameters,
  type TransportParameters,
} from '../../../../src/transport/wire/transport-parameters.js';
import { EndpointPair, testMeans } from '../../../support/endpoint-pair.js';

/** A client that wants large datagrams, and a server that says of itself what `said` says. */
function largePair(maxDatagramSize: number, said: Partial<TransportParameters> = {}): EndpointPair {
  const means = testMeans();
  const createHandshake: EndpointMeans['createHandshake'] = (context) => {
    if (context.role === 'client') return means.createHandshake(context);
    const parameters = { ...decodeTransportParameters(context.localParameters), ...said };
    return means.createHandshake({ ...context, localParameters: encodeTransportParameters(parameters) });
  };
  return new EndpointPair({ client: { maxDatagramSize }, means: { createHandshake } });
}

function write(pair: EndpointPair, client: Connection, length: number): void {
  client.writeStream(client.openStream() as number, [new Uint8Array(length)], true);
  pair.client.touch(client);
}

function isHello(bytes: Uint8Array): boolean {
  return ((bytes[0] as number) & 0x80) !== 0;
}

function largest(pair: EndpointPair, from = 0): number {
  return Math.max(...pair.flights.slice(from).map(({ bytes }) => bytes.length));
}

describe('a datagram', () => {
  test('[DGM-2] has at most 1,200 bytes until a larger one was acknowledged', () => {
    const pair = largePair(9_000);
    const client = pair.connect();
    write(pair, client, 60_000);
    pair.run(() => client.isReady);
    expect(largest(pair)).toBe(1_200);
    write(pair, client, 60_000);
    const before = pair.flights.length;
    pair.run(() => client.datagramBytes > 1_200, 200);
    const sent = pair.flights.slice(before).filter(({ from }) => from === 'client');
    expect(sent.filter(({ bytes }) => bytes.length > 1_200).map(({ bytes }) => bytes.length)).toEqual([
      9_000,
    ]);
    pair.run(() => false, 200);
    expect(largest(pair)).toBe(9_000);
  });

  test.each([
    [1_200, 1_200],
    [4_000, 4_000],
    [65_507, 9_000],
  ])('[DGM-2] to a peer that takes %i bytes has at most %i', (maxDatagramSize, expected) => {
    const pair = largePair(9_000, { maxDatagramSize });
    const { client } = pair.establish();
    write(pair, client, 200_000);
    pair.run(() => false, 200);
    expect(largest(pair)).toBe(expected);
  });

  test('[MTU-1] has the size that the user allows, where no transport could keep another', () => {
    expect(resolveTransportOptions({ maxDatagramSize: 65_507 }).maxDatagramSize).toBe(65_507);
    expect(resolveTransportOptions(undefined)).toEqual(DEFAULT_TRANSPORT_OPTIONS);
    for (const impossible of [1_199, 65_508, 1_400.5, NaN, Infinity]) {
      expect(() => resolveTransportOptions({ maxDatagramSize: impossible })).toThrow(
        `transport.maxDatagramSize is ${impossible}: it takes a whole number of bytes, from 1200 to 65507`,
      );
    }
  });

  test('[MTU-3] of a peer with a small buffer is so large that four fit into what may be in flight', () => {
    const pair = largePair(9_000, { receiveBufferBytes: 80_000 });
    const { client } = pair.establish();
    write(pair, client, 200_000);
    pair.run(() => false, 1_000);
    expect(client.datagramBytes).toBe(5_000);
  });

  test('[CON-4] above 1,452 bytes: a quarter of what the peer’s socket holds is in flight at most', () => {
    const pair = largePair(9_000, { receiveBufferBytes: 160_000 });
    const { client } = pair.establish();
    write(pair, client, 500_000);
    pair.run(() => client.datagramBytes === 9_000, 1_000);
    pair.run(() => client.bytesInFlight <= 40_000, 1_000);
    let most = 0;
    pair.run(() => {
      most = Math.max(most, client.bytesInFlight);
      return false;
    }, 1_000);
    expect(most).toBeLessThanOrEqual(40_000);
    expect(most).toBeGreaterThan(30_000);
  });

  test('[CON-4] that is not that large only minds the window', () => {
    const pair = largePair(1_452, { receiveBufferBytes: 8_000 });
    const { client } = pair.establish();
    write(pair, client, 500_000);
    pair.run(() => client.bytesInFlight > 20_000, 1_000);
    expect(client.bytesInFlight).toBeGreaterThan(20_000);
  });

  test('[MTU-7] that the system refuses for its size is not tried again, and what it held arrives', () => {
    const pair = new EndpointPair();
    const { client, server } = pair.establish();
    let large = 0;
    let refused = 0;
    pair.isTooLarge = ({ from, bytes }) => {
      if (from === 'server' || bytes.length <= 1_300 || ++large <= 20) return false;
      refused++;
      return true;
    };
    const streamId = client.openStream() as number;
    let [written, read] = [0, 0];
    pair.run(() => {
      written += client.writeStream(streamId, [new Uint8Array(400_000 - written)], false);
      pair.client.touch(client);
      if (written === 0 || server.openStreamCount === 0) return false;
      for (
        let piece = server.readStream(streamId);
        piece instanceof Uint8Array;
        piece = server.readStream(streamId)
      )
        read += piece.length;
      pair.server.touch(server);
      return read === 400_000;
    }, 5_000);
    expect([read, client.datagramBytes]).toEqual([400_000, 1_252]);
    // 1,452 that were in use, then probes of sizes below.
    expect(refused).toBeLessThanOrEqual(4);
    expect(refused).toBeGreaterThan(0);
  });

  test('[MTU-7] that the system refuses concerns the connection that it is of, and no other', () => {
    const pair = new EndpointPair();
    const clients = [pair.establish().client, pair.connect()] as const;
    for (const client of clients) {
      pair.run(() => client.isReady);
      write(pair, client, 400_000);
    }
    pair.run(() => false, 1_000);
    expect(clients.map(({ datagramBytes }) => datagramBytes)).toEqual([1_452, 1_452]);
    let refused = 0;
    pair.isTooLarge = ({ from, bytes }) => from === 'client' && bytes.length > 1_300 && ++refused === 1;
    write(pair, clients[0], 1_400);
    pair.run(() => refused > 0);
    expect(clients.map(({ datagramBytes }) => datagramBytes)).toEqual([1_200, 1_452]);
  });

  test('[MTU-7] that the system refused some time ago concerns all that a client has', () => {
    const pair = new EndpointPair();
    const { client } = pair.establish();
    write(pair, client, 400_000);
    pair.run(() => client.datagramBytes === 1_452);
    pair.client.handleTooLarge(undefined);
    expect(client.datagramBytes).toBe(1_200);
  });

  test('[MTU-9] with a HELLO packet has 1,200 bytes, whatever else there is to send', () => {
    const pair = largePair(65_507);
    const client = pair.connect();
    write(pair, client, 200_000);
    // The server’s hello is lost again and again, while both have much to send.
    pair.filter = ({ from, bytes }) =>
      from === 'server' && isHello(bytes) && pair.now < 3_000 ? undefined : bytes;
    pair.run(() => client.datagramBytes > 1_452, 10_000);
    const hellos = pair.flights.filter(({ bytes }) => isHello(bytes));
    expect(hellos.length).toBeGreaterThan(6);
    expect(Math.max(...hellos.map(({ bytes }) => bytes.length))).toBe(1_200);
  });
});

describe('packet numbers', () => {
  test('[PKN-1] begin at 0, and are exhausted with some to spare', () => {
    const state = new PacketSpaceState(PacketSpace.PROTECTED, 2);
    expect([state.nextPacketNumber, state.isExhausted]).toEqual([0, false]);
    state.nextPacketNumber = MAX_PACKET_NUMBER - 1_000;
    expect(state.isExhausted).toBe(false);
    state.nextPacketNumber++;
    expect(state.isExhausted).toBe(true);
  });

  test('[PKN-1] that have run out close the connection', () => {
    const pair = new EndpointPair();
    const { client, server } = pair.establish();
    const exhausted = jest.spyOn(PacketSpaceState.prototype, 'isExhausted', 'get').mockReturnValue(true);
    write(pair, client, 10);
    pair.flush();
    exhausted.mockRestore();
    expect(client.closed).toMatchObject({ by: 'local', code: 0, reason: 'its packet numbers have run out' });
    pair.run(() => server.closed !== undefined, 1_000);
    expect(server.closed?.by).toBe('peer');
  });
});

import { jest } from '@jest/globals';
import { type Connection } from '../../../../src/transport/connection/connection.js';
import { PacketSpaceState } from '../../../../src/transport/connection/packet-space-state.js';
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

function largest(pair: EndpointPair, from = 0): number {
  return Math.max(...pair.flights.slice(from).map(({ bytes }) => bytes.length));
}

describe('a datagram', () => {
  test('[DGM-2] has at most 1,200 bytes until the peer has said what it takes', () => {
    const pair = largePair(9_000);
    const client = pair.connect();
    write(pair, client, 60_000);
    pair.run(() => client.isReady);
    expect(largest(pair)).toBe(1_200);
    write(pair, client, 60_000);
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

  test('[CON-4] above 1,452 bytes: a quarter of what the peer’s socket holds is in flight at most', () => {
    const pair = largePair(9_000, { receiveBufferBytes: 80_000 });
    const { client } = pair.establish();
    write(pair, client, 500_000);
    let most = 0;
    pair.run(() => {
      most = Math.max(most, client.bytesInFlight);
      return false;
    }, 1_000);
    expect(most).toBeLessThanOrEqual(20_000);
    expect(most).toBeGreaterThan(9_000);
  });

  test('[CON-4] that is not that large only minds the window', () => {
    const pair = largePair(1_452, { receiveBufferBytes: 8_000 });
    const { client } = pair.establish();
    write(pair, client, 500_000);
    pair.run(() => client.bytesInFlight > 20_000, 1_000);
    expect(client.bytesInFlight).toBeGreaterThan(20_000);
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

import { type Connection } from '../../../../src/transport/connection/connection.js';
import { EndpointPair, type Flight } from '../../../support/endpoint-pair.js';

const HELLO = new TextEncoder().encode('a small call');

function readAll(connection: Connection, streamId: number): { bytes: number; isEnded: boolean } {
  let bytes = 0;
  for (;;) {
    const piece = connection.readStream(streamId);
    if (piece === undefined) return { bytes, isEnded: false };
    if (piece === 'end') return { bytes, isEnded: true };
    bytes += piece.length;
  }
}

function isLong(flight: Flight): boolean {
  return ((flight.bytes[0] ?? 0) & 0x80) !== 0;
}

describe('a connection', () => {
  test('is ready on both sides after one round trip', () => {
    const pair = new EndpointPair({ delayMs: 5 });
    const client = pair.connect();
    pair.run(() => client.isReady);
    expect(pair.now).toBe(1_010);
    expect(pair.accepted[0]?.isReady).toBe(true);
    expect(pair.eventsOf('client', 'ready')).toHaveLength(1);
    expect(pair.eventsOf('server', 'ready')).toHaveLength(1);
  });

  test('carries a call in its first datagram and the answer in the first one back', () => {
    const pair = new EndpointPair({ delayMs: 5 });
    const client = pair.connect();
    const streamId = client.openStream();
    expect(client.writeStream(streamId ?? -1, [HELLO], true)).toBe(HELLO.length);
    pair.client.touch(client);
    pair.run(() => pair.eventsOf('server', 'streamReadable').length > 0);
    expect(pair.now).toBe(1_005);
    expect(pair.flights).toHaveLength(1);
    expect(pair.eventsOf('server', 'streamOpened')).toEqual([
      { kind: 'streamOpened', streamId: 0, isFirstFlight: true },
    ]);
    const server = pair.accepted[0] as Connection;
    expect(readAll(server, 0)).toEqual({ bytes: HELLO.length, isEnded: true });
    server.writeStream(0, [HELLO], true);
    pair.server.touch(server);
    pair.run(() => pair.eventsOf('client', 'streamReadable').length > 0);
    expect(pair.now).toBe(1_010);
    expect(pair.flights.filter(({ from }) => from === 'server')).toHaveLength(1);
    expect(readAll(client, 0)).toEqual({ bytes: HELLO.length, isEnded: true });
  });

  test('[HDR-6] pads the client hello to 1,200 bytes and nothing else', () => {
    const pair = new EndpointPair();
    const { client } = pair.establish();
    const streamId = client.openStream() as number;
    client.writeStream(streamId, [HELLO], false);
    pair.client.touch(client);
    pair.run(() => false, 100);
    const fromClient = pair.flights.filter(({ from }) => from === 'client');
    expect(fromClient.filter(isLong).map(({ bytes }) => bytes.length)).toEqual([1_200]);
    expect(fromClient.filter((flight) => !isLong(flight)).every(({ bytes }) => bytes.length < 200)).toBe(
      true,
    );
  });

  test('drops its HELLO state at confirmation, so that no HELLO packet follows', () => {
    const pair = new EndpointPair();
    const { client, server } = pair.establish();
    pair.run(() => false, 100);
    const count = pair.flights.length;
    client.writeStream(client.openStream() ?? -1, [HELLO], false);
    pair.client.touch(client);
    pair.run(() => false, 100);
    expect(pair.flights.slice(count).some(isLong)).toBe(false);
    const first = pair.flights[0] as Flight;
    pair.deliver('server', first.bytes);
    expect(server.stats.drops.helloAfterConfirmation).toBe(1);
  });

  test.each([0, 1, 2, 3])(
    '[REC-3] [HSK-7] repairs the loss of datagram %i of its first ones',
    (lostIndex) => {
      const pair = new EndpointPair();
      let index = 0;
      pair.filter = ({ bytes }) => (index++ === lostIndex ? undefined : bytes);
      const client = pair.connect();
      client.writeStream(client.openStream() ?? -1, [HELLO], true);
      pair.client.touch(client);
      pair.run(() => client.isReady && pair.eventsOf('server', 'streamReadable').length > 0, 3_000);
      expect(client.isReady).toBe(true);
      expect(readAll(pair.accepted[0] as Connection, 0)).toEqual({ bytes: HELLO.length, isEnded: true });
      expect(pair.now - 1_000).toBeLessThan(400);
    },
  );

  test('[REC-3] moves a megabyte each way through 10 % loss, and nothing stays in flight', () => {
    const pair = new EndpointPair();
    const { client, server } = pair.establish();
    let count = 0;
    pair.filter = ({ bytes }) => (count++ % 10 === 3 ? undefined : bytes);
    const streamId = client.openStream() as number;
    const big = new Uint8Array(1 << 20).fill(7);
    expect(client.writeStream(streamId, [big], true)).toBe(big.length);
    pair.client.touch(client);
    let received = 0;
    let isEnded = false;
    pair.run(() => pair.eventsOf('server', 'streamOpened').length > 0);
    pair.run(() => {
      const got = readAll(server, streamId);
      if (got.bytes > 0) pair.server.touch(server);
      received += got.bytes;
      isEnded ||= got.isEnded;
      return isEnded;
    });
    expect({ received, isEnded }).toEqual({ received: big.length, isEnded: true });
    expect(server.writeStream(streamId, [big], true)).toBe(big.length);
    pair.server.touch(server);
    received = 0;
    isEnded = false;
    pair.run(() => {
      const got = readAll(client, streamId);
      if (got.bytes > 0) pair.client.touch(client);
      received += got.bytes;
      isEnded ||= got.isEnded;
      return isEnded;
    });
    expect({ received, isEnded }).toEqual({ received: big.length, isEnded: true });
    pair.run(() => false, 10_000);
    expect([client.bytesInFlight, server.bytesInFlight]).toEqual([0, 0]);
    expect([client.openStreamCount, server.openStreamCount]).toEqual([0, 0]);
  });

  test('[CLS-1] closing tells the peer at once, with the code and the reason', () => {
    const pair = new EndpointPair();
    const { client, server } = pair.establish();
    client.close(1, 'enough', pair.now);
    pair.client.touch(client);
    pair.run(() => server.closed !== undefined, 100);
    expect(server.closed).toEqual({ by: 'peer', code: 1, isApplication: true, reason: 'enough' });
    expect(pair.eventsOf('client', 'closed')).toHaveLength(1);
    pair.run(() => false, 5_000);
    expect([pair.client.connectionCount, pair.server.connectionCount]).toEqual([0, 0]);
    expect([pair.client.pollTimeout(), pair.server.pollTimeout()]).toEqual([Infinity, Infinity]);
  });

  test('[IDL-1] silence for the smaller idle timeout ends it on both sides', () => {
    const pair = new EndpointPair({ client: { idleTimeoutMs: 60_000 }, server: { idleTimeoutMs: 5_000 } });
    const { client, server } = pair.establish();
    pair.run(() => client.closed !== undefined && server.closed !== undefined, 10_000);
    expect(client.closed?.by).toBe('idle');
    expect(server.closed?.by).toBe('idle');
    expect(pair.now - 1_000).toBeLessThan(5_100);
  });

  test('[IDL-2] an open call keeps it alive, with a PING every 10 s', () => {
    const pair = new EndpointPair();
    const { client, server } = pair.establish();
    client.writeStream(client.openStream() as number, [HELLO], false);
    pair.client.touch(client);
    pair.run(() => false, 1_000);
    const before = pair.flights.length;
    pair.run(() => false, 100_000);
    expect([client.closed, server.closed]).toEqual([undefined, undefined]);
    expect(pair.flights.length - before).toBeLessThanOrEqual(2 * 10);
  });

  test('[IDL-2] without a call there is no PING, and it is let go', () => {
    const pair = new EndpointPair();
    const { client } = pair.establish();
    pair.run(() => false, 1_000);
    const before = pair.flights.length;
    pair.run(() => client.closed !== undefined, 40_000);
    expect(client.closed?.by).toBe('idle');
    expect(pair.flights).toHaveLength(before);
  });

  test('[HSK-8] a server that never answers ends it at the handshake timeout', () => {
    const pair = new EndpointPair({ client: { handshakeTimeoutMs: 3_000 } });
    pair.filter = () => undefined;
    const client = pair.connect();
    pair.run(() => client.closed !== undefined);
    expect(pair.now).toBe(4_000);
    expect(client.closed?.by).toBe('handshakeTimeout');
    expect(client.closed?.reason).toMatch(
      /no handshake within 3000 ms \(\d+ datagrams sent, nothing received\)/,
    );
  });

  test('[AMP-1] a server sends at most three times what a silent client sent', () => {
    const pair = new EndpointPair();
    const client = pair.connect();
    client.writeStream(client.openStream() ?? -1, [HELLO], true);
    pair.client.touch(client);
    pair.flush();
    pair.filter = () => undefined;
    pair.run(() => pair.accepted.length > 0, 10);
    const server = pair.accepted[0] as Connection;
    server.writeStream(0, [new Uint8Array(100_000)], true);
    pair.server.touch(server);
    const hello = pair.flights[0] as Flight;
    expect(hello.bytes.length).toBe(1_200);
    const endpoint = pair.server;
    let answered = 0;
    const end = pair.now + 30_000;
    while (pair.now < end) {
      for (
        let sent = endpoint.pollTransmit(pair.now);
        sent !== undefined;
        sent = endpoint.pollTransmit(pair.now)
      ) {
        answered += sent.length;
        endpoint.release(sent);
      }
      expect(answered).toBeLessThanOrEqual(3_600);
      const next = endpoint.pollTimeout();
      if (next === Infinity) break;
      pair.now = Math.max(pair.now, next);
      endpoint.handleTimeout(pair.now);
    }
    expect(answered).toBeGreaterThan(2_400);
  });

  test('[PRT-2] damaged packets are dropped and counted, and the bytes arrive right', () => {
    const pair = new EndpointPair();
    const { client, server } = pair.establish();
    let count = 0;
    pair.filter = ({ bytes, from }) => {
      if (from === 'client' && count++ % 5 === 2) {
        const damaged = bytes.slice();
        const at = 20 + (count % (bytes.length - 20));
        damaged[at] = (damaged[at] ?? 0) ^ 0x10;
        return damaged;
      }
      return bytes;
    };
    const sent = Uint8Array.from({ length: 50_000 }, (_, i) => i % 251);
    client.writeStream(client.openStream() as number, [sent], true);
    pair.client.touch(client);
    const received: number[] = [];
    pair.run(() => pair.eventsOf('server', 'streamOpened').length > 0);
    pair.run(() => {
      for (;;) {
        const piece = server.readStream(0);
        if (piece === 'end') return true;
        if (piece === undefined) return false;
        received.push(...piece);
      }
    });
    expect(Uint8Array.from(received)).toEqual(sent);
    expect(server.stats.drops.notAuthentic).toBeGreaterThan(5);
    expect(server.transportStats(pair.now).packetsDamaged).toBe(server.stats.drops.notAuthentic);
  });
});

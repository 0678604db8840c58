import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { CLIENT_ADDRESS, EndpointPair, type Flight, testMeans } from '../../../support/endpoint-pair.js';
import { PacketForge } from '../../../support/packet-forge.js';
import { type DropReason } from '../../../../src/transport/connection/connection-stats.js';
import { decodeHeader } from '../../../../src/transport/wire/header.js';

const ID = [1, 2, 3, 4, 5, 6, 7, 8];

/** A client's first datagram, as it left. Of a second client: the IDs of the first are drawn again in the next pair. */
function hello(): Uint8Array {
  const pair = new EndpointPair();
  pair.filter = () => undefined;
  for (let i = 0; i < 2; i++) pair.connect();
  pair.flush();
  return (pair.flights[1] as Flight).bytes;
}

function answers(pair: EndpointPair): Uint8Array[] {
  const sent: Uint8Array[] = [];
  for (let next = pair.server.pollTransmit(pair.now); next; next = pair.server.pollTransmit(pair.now)) {
    sent.push(next.bytes.slice(0, next.length));
    pair.server.release(next);
  }
  return sent;
}

/** The same hello with other bytes in it, and a checksum that is right again. */
function altered(datagram: Uint8Array, change: (bytes: Uint8Array) => void): Uint8Array {
  const bytes = datagram.slice();
  change(bytes);
  const header = decodeHeader(bytes, 0, 8);
  if (typeof header === 'string') throw new Error(header);
  const before = crc32(new Uint8Array(4), crc32(header.destinationId));
  const sum = crc32(bytes.subarray(0, header.packetEnd - 4), before);
  new DataView(bytes.buffer).setUint32(header.packetEnd - 4, sum);
  return bytes;
}

describe('a server endpoint', () => {
  test('[HDR-6] does not answer a hello below 1,200 bytes', () => {
    const pair = new EndpointPair();
    pair.deliver('server', hello().subarray(0, 1_199));
    expect(pair.server.drops.badHello + pair.server.drops.malformedHeader).toBe(1);
    expect(answers(pair)).toEqual([]);
    expect(pair.server.connectionCount).toBe(0);
  });

  test.each([7, 9])('[HDR-8] makes nothing of a hello with a connection ID of %i bytes', (length) => {
    const pair = new EndpointPair();
    const padding = new Array<number>(1_170).fill(0);
    const right = { destinationId: new Uint8Array(8), sourceId: new Uint8Array(8) };
    for (const wrong of [
      { ...right, destinationId: new Uint8Array(length) },
      { ...right, sourceId: new Uint8Array(length) },
    ]) {
      const ids = { ...wrong, originalDestinationId: wrong.destinationId };
      const bytes = new PacketForge().hello('client', ids, 0, padding);
      expect(bytes.length).toBeGreaterThanOrEqual(1_200);
      pair.deliver('server', bytes);
    }
    expect(pair.server.drops.badHello).toBe(2);
    expect([answers(pair), pair.server.connectionCount]).toEqual([[], 0]);
  });

  test('makes nothing of a hello with a wrong checksum', () => {
    const pair = new EndpointPair();
    const damaged = hello();
    damaged[100] = (damaged[100] ?? 0) ^ 1;
    pair.deliver('server', damaged);
    expect(pair.server.drops.notAuthentic).toBe(1);
    expect(pair.server.connectionCount).toBe(0);
  });

  test('[VER-2] answers another version with the list of its own, smaller than what asked', () => {
    const pair = new EndpointPair();
    const strange = hello();
    new DataView(strange.buffer).setUint32(1, 0x1234_5678);
    pair.deliver('server', strange);
    const [answer, ...more] = answers(pair);
    expect(more).toEqual([]);
    const header = decodeHeader(answer ?? new Uint8Array(0), 0, 8);
    expect(header).toMatchObject({ kind: 'versionNegotiation', versions: [0x7570_0001] });
    expect(answer?.length).toBeLessThan(100);
    pair.deliver('server', strange.subarray(0, 1_199));
    expect(answers(pair)).toEqual([]);
  });

  test('[VER-2] answers strangers at 1,000 a second at most', () => {
    const pair = new EndpointPair();
    const strange = hello();
    new DataView(strange.buffer).setUint32(1, 0x1234_5678);
    for (let i = 0; i < 5_000; i++) pair.deliver('server', strange);
    expect(answers(pair)).toHaveLength(1_000);
  });

  test.each([0, 19, 53, 123, 11_211])('[AMP-3] does not answer the reflection port %i', (port) => {
    const pair = new EndpointPair();
    pair.deliver('server', hello(), { ...CLIENT_ADDRESS, port });
    expect(answers(pair)).toEqual([]);
    expect(pair.server.drops.refused).toBe(1);
  });

  test.each<[string, DropReason, number[]]>([
    ['version negotiation', 'unknownVersion', [0x80, 0, 0, 0, 0, 8, ...ID, 8, ...ID, 0x75, 0x73, 0, 1]],
    ['RETRY', 'unexpectedRetry', [0xd0, 0x75, 0x70, 0, 1, 8, ...ID, 8, ...ID, 1, 2, 3]],
    ['PROTECTED packet to a connection that there is none of', 'unknownConnection', [0x43, ...ID]],
  ])('[AMP-3] does not answer a %s, which may be an answer itself', (_, reason, start) => {
    const pair = new EndpointPair();
    // A short packet of no more bytes than a reset may have.
    const length = reason === 'unknownConnection' ? 40 : 1_203;
    pair.deliver('server', Uint8Array.from([...start, ...new Array<number>(length - start.length).fill(1)]));
    expect(pair.server.drops[reason]).toBe(1);
    expect([answers(pair), pair.server.connectionCount]).toEqual([[], 0]);
    expect(pair.freed).toEqual([true]);
  });

  test('[HSK-8] keeps half-open connections of one address within their limit, and frees them at the handshake timeout', () => {
    const pair = new EndpointPair({ serverLimits: { maxHalfOpenPerAddress: 3 } });
    const template = hello();
    for (let i = 0; i < 10; i++) {
      pair.deliver(
        'server',
        altered(template, (bytes) => bytes.fill(i, 6, 14)),
      );
      answers(pair);
    }
    expect(pair.server.connectionCount).toBe(3);
    expect(pair.server.drops.refused).toBe(7);
    pair.deliver(
      'server',
      altered(template, (bytes) => bytes.fill(99, 6, 14)),
      { ip: '10.0.0.3', port: 1 },
    );
    answers(pair);
    expect(pair.server.connectionCount).toBe(4);
    pair.filter = () => undefined;
    pair.run(() => false, 11_000);
    expect(pair.server.connectionCount).toBe(0);
  });

  test('a connection whose client answered is not half open any more', () => {
    const pair = new EndpointPair({ serverLimits: { maxHalfOpenPerAddress: 1 } });
    pair.establish();
    pair.run(() => false, 50);
    const second = pair.connect();
    pair.run(() => second.isReady, 1_000);
    expect(second.isReady).toBe(true);
  });

  test('[AMO-4] tells all its clients the same incarnation, and another one after a restart', () => {
    const means = testMeans();
    const incarnations = [0, 1].map(() => {
      const pair = new EndpointPair({ means });
      pair.establish();
      const second = pair.connect();
      pair.run(() => second.isReady);
      return [...pair.client.connections].map((client) => client.peerParameters?.incarnation);
    });
    const [[first, again], [other]] = incarnations as [Uint8Array[], Uint8Array[]];
    expect(first).toHaveLength(8);
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });

  test('[TPM-5] takes what a first flight may use, whatever its options say', () => {
    const pair = new EndpointPair({
      server: { maxStreams: 1, streamWindow: 1_000, connectionWindow: 1_000 },
    });
    const { client } = pair.establish();
    expect(client.peerParameters).toMatchObject({
      initialMaxStreams: 64,
      initialMaxStreamData: 65_536,
      initialMaxData: 262_144,
    });
  });

  test('an ID chosen to share its key with another frees no place in the limits of its address', () => {
    const pair = new EndpointPair({ serverLimits: { maxConnectionsPerAddress: 2 } });
    const template = hello();
    const send = (fourthByte: number, rest: number): void => {
      // The fourth byte of an ID is not part of the key it is found by.
      pair.deliver(
        'server',
        altered(template, (bytes) => {
          bytes.fill(rest, 6, 14);
          bytes[9] = fourthByte;
        }),
      );
      answers(pair);
    };
    send(1, 1);
    for (let fourthByte = 2; fourthByte < 20; fourthByte++) send(fourthByte, 1);
    for (let rest = 2; rest < 10; rest++) send(1, rest);
    expect(pair.server.connectionCount).toBe(2);
  });

  test('a damaged hello is not even refused', () => {
    const pair = new EndpointPair();
    pair.server.refuseNew();
    const damaged = hello();
    damaged[100] = (damaged[100] ?? 0) ^ 1;
    pair.deliver('server', damaged);
    expect(answers(pair)).toEqual([]);
    expect(pair.server.drops.notAuthentic).toBe(1);
  });

  test('[HSK-9] refuses new connections with a word when it shuts down, and keeps those it has', () => {
    const pair = new EndpointPair();
    const { client } = pair.establish();
    pair.server.refuseNew();
    const late = pair.connect();
    pair.run(() => late.closed !== undefined, 1_000);
    expect(late.closed).toMatchObject({ by: 'peer', code: 2, reason: 'the server is shutting down' });
    const [answer] = pair.flights.filter(({ from }) => from === 'server').slice(-1) as [Flight];
    const { localId, originalDestinationId } = late;
    expect(decodeHeader(answer.bytes, 0, 8)).toMatchObject({
      kind: 'hello',
      destinationId: localId,
      sourceId: originalDestinationId,
    });
    expect(pair.server.connectionCount).toBe(1);
    expect(client.isReady).toBe(true);
  });

  test('[HSK-12] a refusal proves that nothing was started, unless the first flight was sent again', () => {
    const pair = new EndpointPair();
    pair.server.refuseNew();
    const first = pair.connect();
    pair.run(() => first.closed !== undefined, 1_000);
    expect(first.closed).toMatchObject({ by: 'peer', notStarted: true });
    const again = pair.connect();
    let lostCount = 0;
    pair.filter = ({ from, bytes }) => (from === 'client' && lostCount++ < 1 ? undefined : bytes);
    pair.run(() => again.closed !== undefined, 1_000);
    expect(again.closed?.reason).toBe('the server is shutting down');
    expect(again.closed?.notStarted).toBeUndefined();
  });

  test('[DGM-3] whatever bytes come, nothing is thrown, and each datagram is dropped under one reason', () => {
    const template = hello();
    const datagram = fc.oneof(
      fc.uint8Array({ maxLength: 1_300 }),
      fc.array(fc.tuple(fc.nat(1_199), fc.nat(255)), { maxLength: 4 }).map((changes) => {
        const bytes = template.slice();
        for (const [at, value] of changes) bytes[at] = value;
        return bytes;
      }),
    );
    fc.assert(
      fc.property(fc.array(datagram, { maxLength: 20 }), (datagrams) => {
        const pair = new EndpointPair();
        for (const bytes of datagrams) pair.deliver('server', bytes);
        answers(pair);
        const dropped = Object.values(pair.server.drops).reduce((a, b) => a + b, 0);
        const accepted = [...pair.server.connections].reduce((sum, c) => sum + c.stats.datagramsReceived, 0);
        expect(dropped + accepted).toBe(datagrams.length);
      }),
    );
  });
});

describe('a client endpoint', () => {
  test('[HSK-12] that is told that nobody is there knows that nothing was started, if it has sent one datagram', () => {
    const pair = new EndpointPair();
    pair.filter = () => undefined;
    const once = pair.connect();
    once.writeStream(once.openStream() as number, [Uint8Array.of(1)], true);
    pair.flush();
    once.abandon('refused', 'nobody listens there', pair.now);
    expect([once.stats.datagramsSent, once.closed?.notStarted]).toEqual([1, true]);
    const twice = pair.connect();
    twice.writeStream(twice.openStream() as number, [Uint8Array.of(1)], true);
    pair.run(() => twice.stats.datagramsSent > 1, 1_000);
    twice.abandon('refused', 'nobody listens there', pair.now);
    expect(twice.closed?.notStarted).toBeUndefined();
  });

  test('[VER-3] gives up with the reason when the server speaks another version', () => {
    const pair = new EndpointPair();
    const client = pair.connect();
    pair.filter = () => undefined;
    pair.flush();
    const bytes = (pair.flights[0] as Flight).bytes;
    const list = Uint8Array.of(0x80, 0, 0, 0, 0, 8, ...bytes.subarray(15, 23), 8, ...bytes.subarray(6, 14));
    pair.deliver('client', Uint8Array.of(...list, 0x75, 0x73, 0, 1));
    expect(client.closed).toMatchObject({
      by: 'versionMismatch',
      reason: 'the server speaks TLS only: use udps://',
    });
  });

  test('[VER-3] does not believe it when the server has already said something', () => {
    const pair = new EndpointPair();
    const { client } = pair.establish();
    const ids = [8, ...client.localId, 8, ...client.originalDestinationId];
    pair.deliver('client', Uint8Array.of(0x80, 0, 0, 0, 0, ...ids, 0x75, 0x73, 0, 1));
    expect(client.closed).toBeUndefined();
    expect(pair.client.drops.unknownVersion).toBe(1);
  });

  test('[VER-3] does not believe a list that names its own version, or echoes other IDs', () => {
    const pair = new EndpointPair();
    const client = pair.connect();
    pair.filter = () => undefined;
    pair.flush();
    const bytes = (pair.flights[0] as Flight).bytes;
    const scid = bytes.subarray(15, 23);
    const dcid = bytes.subarray(6, 14);
    pair.deliver('client', Uint8Array.of(0x80, 0, 0, 0, 0, 8, ...scid, 8, ...dcid, 0x75, 0x70, 0, 1));
    const wrong = dcid.slice().reverse();
    pair.deliver('client', Uint8Array.of(0x80, 0, 0, 0, 0, 8, ...scid, 8, ...wrong, 0x75, 0x73, 0, 1));
    expect(client.closed).toBeUndefined();
    expect(pair.client.drops.unknownVersion).toBe(2);
  });
});

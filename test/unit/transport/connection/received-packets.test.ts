import { type Connection } from '../../../../src/transport/connection/connection.js';
import { PacketSpace } from '../../../../src/transport/recovery/sent-packet.js';
import { TransportErrorCode } from '../../../../src/transport/transport-error.js';
import { FrameType } from '../../../../src/transport/wire/frame-type.js';
import { EndpointPair, type Side, testMeans } from '../../../support/endpoint-pair.js';
import { aeadKeys, createKeyedHandshake } from '../../../support/keyed-handshake.js';
import { PacketForge } from '../../../support/packet-forge.js';

const PING = [FrameType.PING];
const PADDING = [FrameType.PADDING];

interface Established {
  readonly pair: EndpointPair;
  readonly forge: PacketForge;
  readonly client: Connection;
  readonly server: Connection;
  /** Hands a PROTECTED packet of this payload to that side, in the name of the other. */
  readonly forgeTo: (to: Side, payload: Iterable<number>) => void;
}

/** Ready on both sides, and everything said that belongs to it. */
function establish(): Established {
  const forge = new PacketForge();
  const pair = new EndpointPair({ means: forge.means });
  const connections = pair.establish();
  pair.run(() => false, 100);
  let packetNumber = 1_000;
  const forgeTo = (to: Side, payload: Iterable<number>): void => {
    const from = to === 'client' ? 'server' : 'client';
    pair.deliver(to, forge.short(from, connections[to].localId, packetNumber++, payload));
  };
  return { pair, forge, ...connections, forgeTo };
}

function concat(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function newConnectionId(sequence: number): number[] {
  return [FrameType.NEW_CONNECTION_ID, sequence, 0, 8, ...new Array<number>(24).fill(sequence)];
}

describe('packets that wait for their keys', () => {
  /** The client has heard nothing, and three PROTECTED packets of the server have come. */
  function waiting(): {
    readonly pair: EndpointPair;
    readonly client: Connection;
    readonly forge: PacketForge;
  } {
    const forge = new PacketForge();
    const pair = new EndpointPair({ means: forge.means });
    const client = pair.connect();
    pair.filter = ({ from, bytes }) => (from === 'client' ? bytes : undefined);
    pair.run(() => pair.accepted.length > 0);
    for (let packetNumber = 10; packetNumber < 13; packetNumber++) {
      const isClose = packetNumber === 10;
      const payload = isClose ? [FrameType.CLOSE_APPLICATION, 0, 0] : PING;
      pair.deliver('client', forge.short('server', client.localId, packetNumber, payload));
    }
    return { pair, client, forge };
  }

  test('[DGM-3] are counted as dropped when the connection ends before the keys come', () => {
    const { pair, client } = waiting();
    expect(client.stats.drops.undecryptable).toBe(0);
    client.close(0, '', pair.now);
    expect(client.stats.drops.undecryptable).toBe(3);
  });

  test('[DGM-3] are counted as dropped when one of them ends the connection', () => {
    const { pair, client } = waiting();
    pair.filter = ({ bytes }) => bytes;
    pair.run(() => client.closed !== undefined);
    expect(client.closed?.by).toBe('peer');
    expect(client.stats.drops.undecryptable).toBe(2);
  });

  test('[DGM-3] are not kept when they are larger than what comes before a path was searched', () => {
    const { pair, client, forge } = waiting();
    const padding = new Array<number>(1_400).fill(FrameType.PADDING);
    pair.deliver('client', forge.short('server', client.localId, 13, padding));
    expect(client.stats.drops.undecryptable).toBe(0);
    pair.deliver('client', forge.short('server', client.localId, 14, [...padding, ...padding.slice(900)]));
    expect(client.stats.drops.undecryptable).toBe(1);
  });
});

describe('the memory of a datagram', () => {
  const opened = (pair: EndpointPair): boolean | undefined => pair.freed.at(-1);

  test('is kept where packets are opened in place', () => {
    const { pair, forgeTo } = establish();
    forgeTo('client', PING);
    expect(opened(pair)).toBe(false);
  });

  test('is free where packets are opened into other memory, and not while they wait for keys or are not genuine', () => {
    const means = testMeans();
    const keys = aeadKeys('TLS_AES_128_GCM_SHA256');
    const createHandshake = createKeyedHandshake(means.createHandshake, keys);
    const pair = new EndpointPair({ means: { ...means, createHandshake } });
    const client = pair.connect();
    pair.deliver('client', Uint8Array.of(0x40, ...client.localId, ...new Uint8Array(40)));
    expect([opened(pair), client.stats.drops.undecryptable]).toEqual([false, 0]);
    pair.run(() => client.isReady, 1_000);
    pair.run(() => false, 100);
    const id = client.openStream() ?? -1;
    client.writeStream(id, [new Uint8Array(100)], true);
    pair.client.touch(client);
    const before = pair.freed.length;
    pair.run(() => pair.freed.length > before);
    expect(opened(pair)).toBe(true);
    const forged = pair.flights.at(-1)?.bytes.slice() ?? new Uint8Array(0);
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    pair.deliver('server', forged);
    expect(opened(pair)).toBe(false);
  });
});

describe('a datagram', () => {
  test('[DGM-1] is read on behind a packet that does not open, and not behind one of another connection', () => {
    const forge = new PacketForge();
    const pair = new EndpointPair({ means: forge.means });
    const client = pair.connect();
    pair.filter = ({ from, bytes }) => (from === 'client' ? bytes : undefined);
    pair.run(() => pair.accepted.length > 0);
    const server = pair.accepted[0] as Connection;
    const { localId, originalDestinationId } = client;
    const toClient = { originalDestinationId, destinationId: localId, sourceId: server.localId };
    const opens = forge.hello('server', toClient, 10, PADDING);
    const damaged = forge.hello('server', toClient, 11, PING);
    damaged.fill(0, damaged.length - 4);
    const foreign = forge.hello('server', { ...toClient, destinationId: server.localId }, 12, PING);

    const last = forge.hello('server', toClient, 15, PADDING);

    pair.deliver('client', concat(damaged, opens));
    expect(client.stats).toMatchObject({ packetsReceived: 1, drops: { notAuthentic: 1 } });
    pair.deliver('client', concat(foreign, forge.hello('server', toClient, 13, PADDING)));
    expect(client.stats.packetsReceived).toBe(1);
    pair.deliver('client', concat(forge.hello('server', toClient, 14, PADDING), foreign, last));
    expect(client.stats).toMatchObject({ packetsReceived: 2, drops: { foreignConnectionId: 1 } });
  });

  test('[PKN-4] is processed once, however often it comes', () => {
    const { pair, forge, server } = establish();
    const ping = forge.short('client', server.localId, 500, PING);
    const before = server.stats.packetsReceived;
    for (let i = 0; i < 3; i++) pair.deliver('server', ping);
    expect(server.stats.packetsReceived).toBe(before + 1);
    expect(server.stats.drops.duplicate).toBe(2);
  });

  test('[PRT-2] with a wrong checksum ends nothing and gets no answer', () => {
    const { pair, forge, server } = establish();
    const count = pair.flights.length;
    for (let at = 9; at < 14; at++) {
      const damaged = forge.short('client', server.localId, 500, PING);
      damaged[at] = (damaged[at] ?? 0) ^ 0x40;
      pair.deliver('server', damaged);
    }
    pair.run(() => false, 1_000);
    expect(server.stats.drops.notAuthentic).toBe(5);
    expect([server.closed, pair.flights.length]).toEqual([undefined, count]);
  });

  test('[RTY-3] that is a RETRY is dropped by a client that has heard the server', () => {
    const { pair, client, server } = establish();
    const ids = [8, ...client.localId, 8, ...server.localId];
    pair.deliver('client', Uint8Array.of(0xd0, 0x75, 0x70, 0, 1, ...ids, 1, 2, 3, 4, 5, 6, 7, 8));
    expect(client.stats.drops.unexpectedRetry).toBe(1);
    expect(client.closed).toBeUndefined();
  });
});

describe('a frame', () => {
  test('[FRM-4] is in every packet: an empty one ends the connection', () => {
    const { server, forgeTo } = establish();
    forgeTo('server', []);
    expect(server.closed).toMatchObject({ by: 'local', code: TransportErrorCode.PROTOCOL_VIOLATION });
  });

  test('[FRM-14] that brings a token is not for a client to send', () => {
    const { server, forgeTo } = establish();
    forgeTo('server', [FrameType.NEW_TOKEN, 1, 9]);
    expect(server.closed).toMatchObject({ by: 'local', code: TransportErrorCode.PROTOCOL_VIOLATION });
  });

  test('[FRM-11] that says the handshake is done is not for a client to send', () => {
    const { client, server, forgeTo } = establish();
    forgeTo('client', [FrameType.HANDSHAKE_DONE]);
    expect(client.closed).toBeUndefined();
    forgeTo('server', [FrameType.HANDSHAKE_DONE]);
    expect(server.closed).toMatchObject({ by: 'local', code: TransportErrorCode.PROTOCOL_VIOLATION });
  });

  test.each<[string, number[], TransportErrorCode]>([
    ['changes a connection ID', newConnectionId(0), TransportErrorCode.PROTOCOL_VIOLATION],
    [
      'brings too many connection IDs',
      [11, 12, 13, 14].flatMap(newConnectionId),
      TransportErrorCode.CONNECTION_ID_LIMIT_ERROR,
    ],
    [
      'retires the ID it was sent to',
      [FrameType.RETIRE_CONNECTION_ID, 0],
      TransportErrorCode.PROTOCOL_VIOLATION,
    ],
    [
      'retires an ID that was never issued',
      [FrameType.RETIRE_CONNECTION_ID, 9],
      TransportErrorCode.PROTOCOL_VIOLATION,
    ],
  ])('[MIG-3] [MIG-4] that %s ends the connection', (_, frame, code) => {
    for (const side of ['client', 'server'] as const) {
      const established = establish();
      established.forgeTo(side, frame);
      expect(established[side].closed).toMatchObject({ by: 'local', code });
    }
  });

  test('[ERR-1] that closes with an unknown code closes all the same', () => {
    const { client, forgeTo } = establish();
    forgeTo('client', [FrameType.CLOSE_TRANSPORT, 0x7f, 0x77, 2, 0x68, 0x69]);
    expect(client.closed).toEqual({ by: 'peer', code: 0x3f77, isApplication: false, reason: 'hi' });
  });

  test('[ACK-6] that acknowledges what was never sent ends the connection', () => {
    const { client, forgeTo } = establish();
    forgeTo('client', [FrameType.ACK, 60, 0, 0, 0]);
    expect(client.closed).toMatchObject({ code: TransportErrorCode.PROTOCOL_VIOLATION });
  });
});

describe('an answer', () => {
  test('[ACK-1] [ACK-7] acknowledges a packet within 2 ms, and one that only acknowledges not at all', () => {
    const { pair, forge, client, forgeTo } = establish();
    const count = pair.flights.length;
    forgeTo('server', PADDING);
    forgeTo('server', [FrameType.ACK, 0, 0, 0, 0]);
    pair.run(() => false, 1_000);
    expect(pair.flights).toHaveLength(count);
    // The client has not sent what this acknowledges.
    pair.filter = () => undefined;
    // The first comes behind a gap, the second has nothing to hurry it.
    for (const delayMs of [0, 2]) {
      const [sent, now] = [pair.flights.length, pair.now];
      forgeTo('server', PING);
      pair.run(() => false, 1_000);
      expect(pair.flights.slice(sent).map(({ sentAt }) => sentAt - now)).toEqual([delayMs]);
    }
    const packet = forge.packetsOf(pair.flights, 'server', client.originalDestinationId).at(-1);
    expect(packet?.space).toBe(PacketSpace.PROTECTED);
    expect(packet?.frames).toMatchObject([{ type: FrameType.ACK, largest: 1_003 }]);
  });
});

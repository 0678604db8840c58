import { type Connection } from '../../../../src/transport/connection/connection.js';
import { type EndpointMeans } from '../../../../src/transport/endpoint/endpoint.js';
import {
  type HandshakeContext,
  type HandshakeEvent,
} from '../../../../src/transport/protection/handshake.js';
import { PacketSpace } from '../../../../src/transport/recovery/sent-packet.js';
import { TransportErrorCode } from '../../../../src/transport/transport-error.js';
import { FrameType } from '../../../../src/transport/wire/frame-type.js';
import {
  decodeTransportParameters,
  encodeTransportParameters,
  type TransportParameters,
} from '../../../../src/transport/wire/transport-parameters.js';
import { EndpointPair, type Side, testMeans } from '../../../support/endpoint-pair.js';
import { PacketForge, tapHandshake } from '../../../support/packet-forge.js';

const CALL = new TextEncoder().encode('a small call');
const PADDING = new Array<number>(1_170).fill(FrameType.PADDING);

interface FirstFlight {
  readonly pair: EndpointPair;
  readonly forge: PacketForge;
  readonly client: Connection;
  readonly server: Connection;
}

/** A client that has called before it knows its server, and a server that has; unheard, nothing of its answer arrives. */
function firstFlight({
  means,
  isHeard = true,
}: { means?: EndpointMeans; isHeard?: boolean } = {}): FirstFlight {
  const forge = new PacketForge(means);
  const pair = new EndpointPair({ means: forge.means });
  const client = pair.connect();
  client.writeStream(client.openStream() as number, [CALL], true);
  pair.client.touch(client);
  if (!isHeard) pair.filter = ({ from, bytes }) => (from === 'client' ? bytes : undefined);
  pair.run(() => pair.accepted.length > 0);
  return { pair, forge, client, server: pair.accepted[0] as Connection };
}

/** Means by which that side tells other transport parameters than its own. */
function saying(side: Side, change: Partial<TransportParameters>): EndpointMeans {
  const means = testMeans();
  return {
    ...means,
    createHandshake: (context) =>
      means.createHandshake(context.role === side ? changed(context, change) : context),
  };
}

function changed(context: HandshakeContext, change: Partial<TransportParameters>): HandshakeContext {
  const parameters = decodeTransportParameters(context.localParameters);
  return { ...context, localParameters: encodeTransportParameters({ ...parameters, ...change }) };
}

/** Means by which that side has its keys at once, and is complete only when `release` was called. */
function slow(side: Side): { readonly means: EndpointMeans; readonly release: () => void } {
  const means = testMeans();
  let isReleased = false;
  const createHandshake: EndpointMeans['createHandshake'] = (context) => {
    let held: HandshakeEvent | undefined;
    const tapped = tapHandshake(means.createHandshake(context), (event) => {
      if (context.role !== side || event.kind !== 'complete') return event;
      held = event;
      return undefined;
    });
    const takeHeld = (): HandshakeEvent | undefined => {
      const event = isReleased ? held : undefined;
      if (isReleased) held = undefined;
      return event;
    };
    return { ...tapped, pollEvent: () => tapped.pollEvent() ?? takeHeld() };
  };
  return {
    means: { ...means, createHandshake },
    release: () => {
      isReleased = true;
    },
  };
}

describe('connection IDs', () => {
  test('[HSK-4] the client sends to its random ID until the server has answered, then to the server’s', () => {
    const { pair, forge, client, server } = firstFlight();
    pair.run(() => client.isReady);
    client.writeStream(client.openStream() as number, [CALL], true);
    pair.client.touch(client);
    pair.run(() => false, 50);
    const { originalDestinationId } = client;
    const fromClient = forge.packetsOf(pair.flights, 'client', originalDestinationId);
    const targets = fromClient.map(({ destinationId }) => destinationId);
    expect(targets.slice(0, 2)).toEqual([originalDestinationId, originalDestinationId]);
    expect(targets.length).toBeGreaterThan(2);
    for (const id of targets.slice(2)) expect(id).toEqual(server.localId);
    for (const { destinationId } of forge.packetsOf(pair.flights, 'server', originalDestinationId))
      expect(destinationId).toEqual(client.localId);
  });

  test('[HSK-4] a HELLO packet with another source ID than the first is dropped', () => {
    const { pair, forge, client, server } = firstFlight({ isHeard: false });
    const { localId: destinationId, originalDestinationId } = client;
    const hello = (sourceId: Uint8Array, packetNumber: number) =>
      forge.hello('server', { originalDestinationId, destinationId, sourceId }, packetNumber, PADDING);
    pair.deliver('client', hello(server.localId, 10));
    pair.deliver('client', hello(new Uint8Array(8).fill(9), 11));
    pair.deliver('client', hello(server.localId, 12));
    expect(client.stats).toMatchObject({ packetsReceived: 2, drops: { foreignConnectionId: 1 } });
  });

  test.each<[string, Side, Partial<TransportParameters>]>([
    ['a client of another source ID', 'client', { sourceConnectionId: new Uint8Array(8) }],
    ['a server of another source ID', 'server', { sourceConnectionId: new Uint8Array(8) }],
    ['a server of another first ID', 'server', { originalDestinationConnectionId: new Uint8Array(8) }],
  ])('[TPM-7] parameters that name %s are an error', (_, side, change) => {
    const { pair, client, server } = firstFlight({ means: saying(side, change) });
    const judge = side === 'client' ? server : client;
    pair.run(() => judge.closed !== undefined, 1_000);
    expect(judge.closed).toMatchObject({
      by: 'local',
      code: TransportErrorCode.TRANSPORT_PARAMETER_ERROR,
    });
    expect(judge.isReady).toBe(false);
  });
});

describe('a server whose handshake takes its time', () => {
  test('[HSK-5] keeps the calls that come before, 32 packets at most, and runs none', () => {
    const { means, release } = slow('server');
    const { pair, forge, client, server } = firstFlight({ means, isHeard: false });
    for (let packetNumber = 100; packetNumber < 150; packetNumber++) {
      const ping = forge.short('client', client.originalDestinationId, packetNumber, [FrameType.PING]);
      pair.deliver('server', ping);
    }
    pair.run(() => false, 20);
    expect(pair.eventsOf('server', 'streamOpened')).toEqual([]);
    // The call itself came first and is kept, with 31 of these.
    expect(server.stats.drops.undecryptable).toBeGreaterThanOrEqual(19);
    const received = server.stats.packetsReceived;
    release();
    pair.server.handleHandshake(server, pair.now);
    pair.flush();
    expect(server.stats.packetsReceived).toBe(received + 32);
    expect(pair.eventsOf('server', 'streamOpened')).toHaveLength(1);
  });

  test('[HSK-8] is given up after 10 s', () => {
    const { pair, server } = firstFlight({ means: slow('server').means, isHeard: false });
    pair.run(() => server.closed !== undefined, 20_000);
    expect(server.closed?.by).toBe('handshakeTimeout');
    expect(pair.now).toBe(1_005 + 10_000);
  });
});

test('nothing leaves while a handshake is in the middle of a flight, and all of it together then', () => {
  const means = testMeans();
  let isSpeaking = true;
  const { createHandshake } = means;
  const speaking: EndpointMeans['createHandshake'] = (context) => {
    const tapped = tapHandshake(createHandshake(context), (event) => event);
    if (context.role === 'server') return tapped;
    return Object.defineProperty(tapped, 'isSpeaking', { get: () => isSpeaking });
  };
  const pair = new EndpointPair({ means: { ...means, createHandshake: speaking } });
  const client = pair.connect();
  client.writeStream(client.openStream() as number, [CALL], true);
  pair.client.touch(client);
  pair.run(() => false, 50);
  expect(pair.flights).toEqual([]);
  isSpeaking = false;
  pair.client.handleHandshake(client, pair.now);
  pair.run(() => client.isReady);
  expect(pair.flights.filter(({ from }) => from === 'client')[0]?.bytes).toHaveLength(1_200);
  expect(pair.eventsOf('server', 'streamOpened')).toHaveLength(1);
});

test('[FRM-11] HANDSHAKE_DONE before the client has completed its side is a violation', () => {
  const { pair, client } = firstFlight({ means: slow('client').means });
  pair.run(() => client.closed !== undefined, 100);
  expect(client.closed).toMatchObject({ by: 'local', code: TransportErrorCode.PROTOCOL_VIOLATION });
});

/** Means by which that side finds, instead of being complete, that it does not trust the other. */
function untrusting(side: Side): EndpointMeans {
  const means = testMeans();
  const refusal: HandshakeEvent = { kind: 'failed', reason: 'not trusted', isUntrusted: true };
  return {
    ...means,
    createHandshake: (context) =>
      tapHandshake(means.createHandshake(context), (event) =>
        context.role === side && event.kind === 'complete' ? refusal : event,
      ),
  };
}

describe('[HSK-13] who is not trusted', () => {
  test.each(['client', 'server'] as const)('by the %s: both say so, and that nothing was started', (side) => {
    const { pair, client } = firstFlight({ means: untrusting(side) });
    pair.run(() => client.closed !== undefined, 1_000);
    const by = side === 'client' ? 'local' : 'peer';
    const code = TransportErrorCode.UNAUTHENTICATED;
    expect(client.closed).toEqual({
      by,
      code,
      isApplication: false,
      reason: 'not trusted',
      notStarted: true,
    });
  });

  test('is no proof any more once the connection was confirmed', () => {
    const { pair, client, server } = firstFlight();
    pair.run(() => client.isReady, 1_000);
    server.fail(TransportErrorCode.UNAUTHENTICATED, 'too late', pair.now);
    pair.server.touch(server);
    pair.run(() => client.closed !== undefined, 1_000);
    expect(client.closed).toMatchObject({ by: 'peer', code: TransportErrorCode.UNAUTHENTICATED });
    expect(client.closed?.notStarted).toBeUndefined();
  });
});

describe('a server that gives a handshake up', () => {
  test('[HSK-8] tells its client, which then need not wait for its own time', () => {
    const options = { handshakeTimeoutMs: 2_000 };
    const pair = new EndpointPair({ server: options, means: slow('server').means });
    const client = pair.connect();
    pair.run(() => client.closed !== undefined, 20_000);
    expect(pair.now).toBe(1_000 + 5 + 2_000 + 5);
    expect(client.closed).toMatchObject({ by: 'peer', code: TransportErrorCode.HANDSHAKE_FAILED });
    expect(client.closed?.reason).toMatch(/^no handshake within 2000 ms/);
  });

  test('[HSK-8] [AMP-1] says no more than it may', () => {
    const { pair, server } = firstFlight();
    pair.filter = ({ from, bytes }) => (from === 'client' ? undefined : bytes);
    pair.run(() => server.closed !== undefined, 60_000);
    pair.run(() => false, 60_000);
    const { receivedBytes, sentBytes } = server.path;
    expect(sentBytes).toBeLessThanOrEqual(3 * receivedBytes);
  });
});

describe('a client that does not go on', () => {
  test('[HSK-8] is given up after 10 s although the server was content', () => {
    const { pair, server } = firstFlight();
    pair.filter = () => undefined;
    expect(server.isReady).toBe(true);
    pair.run(() => server.closed !== undefined, 60_000);
    expect(server.closed?.by).toBe('handshakeTimeout');
    expect(pair.now).toBe(1_005 + 10_000);
  });
});

describe('the client’s address', () => {
  test('[AMP-2] [HSK-11] is proved by a packet to the server’s own ID, and what came before is the first flight', () => {
    const { pair, client, server } = firstFlight();
    expect([server.isReady, server.path.isValidated]).toEqual([true, false]);
    pair.run(() => client.isReady);
    client.writeStream(client.openStream() as number, [CALL], true);
    pair.client.touch(client);
    pair.run(() => server.path.isValidated);
    pair.run(() => false, 50);
    expect(pair.eventsOf('server', 'streamOpened')).toEqual([
      { kind: 'streamOpened', streamId: 0, isFirstFlight: true },
      { kind: 'streamOpened', streamId: 2, isFirstFlight: false },
    ]);
  });

  test('[AMP-2] is not proved by more packets to the ID that the client chose', () => {
    const { pair, forge, client, server } = firstFlight({ isHeard: false });
    for (let packetNumber = 100; packetNumber < 110; packetNumber++) {
      const { originalDestinationId, localId: sourceId } = client;
      const ids = { originalDestinationId, destinationId: originalDestinationId, sourceId };
      pair.deliver('server', forge.hello('client', ids, packetNumber, PADDING));
      pair.deliver('server', forge.short('client', originalDestinationId, packetNumber, [FrameType.PING]));
    }
    expect(server.stats.packetsReceived).toBeGreaterThan(20);
    expect(server.path.isValidated).toBe(false);
  });
});

describe('HELLO packets', () => {
  test('[HSK-6] end with HANDSHAKE_DONE at the client, and with the ACK of a PROTECTED packet at the server', () => {
    const { pair, forge, client, server } = firstFlight();
    pair.run(() => client.isReady);
    const count = pair.flights.length;
    expect([client.bytesInFlight, server.bytesInFlight > 0]).toEqual([0, true]);
    client.writeStream(client.openStream() as number, [CALL], true);
    pair.client.touch(client);
    pair.run(() => false, 1_000);
    const { originalDestinationId, localId: sourceId } = client;
    const late = forge.hello(
      'client',
      { originalDestinationId, destinationId: server.localId, sourceId },
      50,
      PADDING,
    );
    pair.deliver('server', late);
    expect(server.stats.drops.helloAfterConfirmation).toBe(1);
    for (const side of ['client', 'server'] as const) {
      const later = pair.flights.slice(count).filter(({ from }) => from === side);
      expect(later.length).toBeGreaterThan(0);
      for (const { bytes } of later) expect((bytes[0] ?? 0) & 0x80).toBe(0);
    }
    expect([client.stats.packetsLost, server.stats.packetsLost, server.bytesInFlight]).toEqual([0, 0, 0]);
  });

  test('[HSK-7] a lost HANDSHAKE_DONE comes again until it is acknowledged', () => {
    const forge = new PacketForge();
    const pair = new EndpointPair({ means: forge.means });
    const client = pair.connect();
    let isFirst = true;
    pair.filter = ({ from, bytes }) => {
      // Of the server's first datagram only the HELLO packet arrives.
      if (from === 'client' || !isFirst) return bytes;
      isFirst = false;
      const helloEnd = bytes.length - shortLengthIn(bytes, client.localId);
      return bytes.slice(0, helloEnd);
    };
    pair.run(() => client.isReady, 5_000);
    pair.run(() => false, 1_000);
    expect(client.isReady).toBe(true);
    const done = forge
      .packetsOf(pair.flights, 'server', client.originalDestinationId)
      .filter(({ frames }) => frames.some(({ type }) => type === FrameType.HANDSHAKE_DONE));
    expect(done.length).toBeGreaterThanOrEqual(2);
    expect(done.every(({ space }) => space === PacketSpace.PROTECTED)).toBe(true);
    expect(done.length).toBeLessThanOrEqual(4);
  });
});

/** Bytes of the PROTECTED packet behind the HELLO one: it begins with the ID it is addressed to. */
function shortLengthIn(bytes: Uint8Array, destinationId: Uint8Array): number {
  for (let start = 30; start < bytes.length; start++) {
    const at = bytes.subarray(start + 1, start + 1 + destinationId.length);
    if (at.every((byte, i) => byte === destinationId[i]) && at.length === 8) return bytes.length - start;
  }
  throw new Error('no PROTECTED packet in it');
}

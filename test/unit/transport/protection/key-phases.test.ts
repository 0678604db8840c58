import { crc32 } from 'node:zlib';
import { type Connection } from '../../../../src/transport/connection/connection.js';
import { ConnectionStats } from '../../../../src/transport/connection/connection-stats.js';
import { PacketSpaceState } from '../../../../src/transport/connection/packet-space-state.js';
import {
  DEFAULT_TRANSPORT_OPTIONS,
  type TransportOptions,
} from '../../../../src/transport/connection/transport-options.js';
import { KeyPhases } from '../../../../src/transport/protection/key-phases.js';
import { PacketSpace } from '../../../../src/transport/recovery/sent-packet.js';
import { TransportErrorCode } from '../../../../src/transport/transport-error.js';
import { FrameType } from '../../../../src/transport/wire/frame-type.js';
import { EndpointPair, type Flight, type Side, testMeans } from '../../../support/endpoint-pair.js';
import {
  aeadKeys,
  checksumKeys,
  createKeyedHandshake,
  type KeyLimits,
} from '../../../support/keyed-handshake.js';
import { PacketForge, type ReadPacket } from '../../../support/packet-forge.js';

const PING = [FrameType.PING];
const PTO_MS = 10;
const KEY_LIMITS = { keyUpdatePackets: 2 ** 22, keyUpdateMs: 3_600_000 };

interface KeyedOptions {
  readonly client?: Partial<TransportOptions>;
  readonly server?: Partial<TransportOptions>;
  readonly limits?: KeyLimits;
  readonly suite?: string;
}

/** Both ends, ready, with keys that can follow each other; `read`: the PROTECTED packets that a side has sent since. */
class KeyedPair {
  readonly forge: PacketForge;
  readonly pair: EndpointPair;
  readonly client: Connection;
  readonly server: Connection;

  constructor({ client = {}, server = {}, limits = {}, suite }: KeyedOptions = {}) {
    const means = testMeans();
    const keys = suite === undefined ? checksumKeys(crc32, limits) : aeadKeys(suite);
    this.forge = new PacketForge({
      ...means,
      createHandshake: createKeyedHandshake(means.createHandshake, keys),
    });
    this.pair = new EndpointPair({
      means: this.forge.means,
      client: { maxDatagramSize: 1_200, ...client },
      server: { maxStreams: 1_000, ...server },
    });
    const connections = this.pair.establish();
    this.client = connections.client;
    this.server = connections.server;
    // Each has acknowledged something.
    this.send(100);
    this.pair.run(() => false, 100);
  }

  read(from: Side, flights: readonly Flight[] = this.pair.flights): ReadPacket[] {
    return this.forge
      .packetsOf(flights, from, this.client.originalDestinationId)
      .filter(({ space }) => space === PacketSpace.PROTECTED);
  }

  /** Sends bytes to the server and lets it read them. */
  send(bytes: number): void {
    const stream = this.write(bytes);
    const isOpen = (): boolean =>
      this.pair.events.some(
        ({ side, event }) => side === 'server' && event.kind === 'streamOpened' && event.streamId === stream,
      );
    this.pair.run(isOpen);
    this.pair.run(() => isReadToEnd(this.server, stream));
    this.server.writeStream(stream, [], true);
    this.pair.server.touch(this.server);
    this.pair.run(() => isReadToEnd(this.client, stream));
  }

  /** By the client, on a stream of its own. */
  write(bytes: number): number {
    const stream = this.client.openStream();
    if (stream === undefined) throw new Error(`no stream: ${String(this.client.closed?.reason)}`);
    this.client.writeStream(stream, [new Uint8Array(bytes)], true);
    this.pair.client.touch(this.client);
    return stream;
  }

  /** Hands a packet to that side that the other has never sent. */
  deliver(
    to: Side,
    packetNumber: number,
    keyGeneration: number,
    payload: Iterable<number> = PING,
  ): Uint8Array {
    const from = to === 'client' ? 'server' : 'client';
    const packet = this.forge.short(from, this[to].localId, packetNumber, payload, keyGeneration);
    this.pair.deliver(to, packet.slice());
    return packet;
  }
}

function isReadToEnd(connection: Connection, stream: number): boolean {
  let piece = connection.readStream(stream);
  while (piece instanceof Uint8Array) piece = connection.readStream(stream);
  return piece === 'end';
}

function phasesAt(packetsSealed: number): { keyPhases: KeyPhases; space: PacketSpaceState } {
  const space = new PacketSpaceState(PacketSpace.PROTECTED, 2);
  const keyPhases = new KeyPhases({
    space,
    stats: new ConnectionStats(),
    limits: DEFAULT_TRANSPORT_OPTIONS,
    ptoMs: () => PTO_MS,
  });
  const keys = aeadKeys('TLS_AES_128_GCM_SHA256');
  keyPhases.onSealer(keys.sealer(new Uint8Array(1)), 0);
  keyPhases.onOpener(keys.opener(new Uint8Array(1)));
  space.nextPacketNumber = packetsSealed;
  return { keyPhases, space };
}

describe('a key update', () => {
  test.each(['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', undefined])(
    '[KEY-4] [KEY-5] [KEY-6] after so many packets: both sides go on with keys of the same generation, and number on: %s',
    (suite) => {
      const keyed = new KeyedPair({
        client: { keyUpdatePackets: 50 },
        ...(suite !== undefined && { suite }),
      });
      for (let round = 0; round < 12; round++) keyed.send(60_000);
      const { client, server } = keyed;
      expect(client.stats.keyUpdates).toBeGreaterThanOrEqual(3);
      expect(server.stats.keyUpdates).toBe(client.stats.keyUpdates);
      expect([client.closed, server.closed]).toEqual([undefined, undefined]);
      expect(client.stats.drops.notAuthentic + server.stats.drops.notAuthentic).toBe(0);
      for (const side of ['client', 'server'] as const) {
        const packets = keyed.read(side);
        const numbers = packets.map(({ packetNumber }) => packetNumber);
        expect(numbers).toEqual([...numbers].sort((one, other) => one - other));
        expect(packets.at(-1)?.keyGeneration).toBe(client.stats.keyUpdates);
      }
    },
  );

  test('[KEY-5] after so much time, by the first packet from then on', () => {
    const keyed = new KeyedPair({ server: { keyUpdateMs: 1_000 } });
    keyed.send(100);
    expect(keyed.server.stats.keyUpdates).toBe(0);
    keyed.pair.run(() => false, 1_000);
    keyed.send(100);
    expect(keyed.server.stats.keyUpdates).toBe(1);
    expect(keyed.client.stats.keyUpdates).toBe(1);
  });

  test('[KEY-5] waits until a packet of the current generation was acknowledged', () => {
    const keyed = new KeyedPair({ client: { keyUpdatePackets: 20 } });
    const { client, pair } = keyed;
    // From now on the server takes what comes, and nothing of what it says arrives.
    pair.filter = ({ from, bytes }) => (from === 'client' ? bytes : undefined);
    const sentBefore = client.stats.packetsSent;
    for (let round = 0; round < 100; round++) {
      keyed.write(10);
      pair.run(() => false, 100);
    }
    expect(client.stats.packetsSent - sentBefore).toBeGreaterThan(50);
    expect(client.stats.keyUpdates).toBe(1);
    pair.filter = ({ bytes }) => bytes;
    pair.run(() => false, 5_000);
    keyed.send(100);
    expect(client.stats.keyUpdates).toBe(2);
    expect([client.closed, keyed.server.closed]).toEqual([undefined, undefined]);
  });

  test('[KEY-6] is answered before the packet that brings it is acknowledged', () => {
    const keyed = new KeyedPair();
    keyed.deliver('server', 1_000, 1);
    const seen = keyed.pair.flights.length;
    keyed.pair.run(() => false, 100);
    const answers = keyed.pair.flights.slice(seen).filter(({ from }) => from === 'server');
    expect(answers.length).toBeGreaterThan(0);
    const [answer] = keyed.read('server').slice(-1);
    expect(answer).toMatchObject({ keyGeneration: 1, frames: [{ type: FrameType.ACK, largest: 1_000 }] });
    expect(keyed.server.stats.keyUpdates).toBe(1);
  });

  test('[HDR-7] is none in plaintext, whatever the key phase of a packet says', () => {
    const forge = new PacketForge();
    const pair = new EndpointPair({ means: forge.means, client: { keyUpdatePackets: 1 } });
    const { client, server } = pair.establish();
    pair.run(() => false, 100);
    expect(client.stats.keyUpdates).toBe(0);
    const space = new PacketSpaceState(PacketSpace.PROTECTED, 2);
    const keyPhases = new KeyPhases({ space, stats: server.stats, limits: KEY_LIMITS, ptoMs: () => PTO_MS });
    keyPhases.onOpener({ overhead: 4, isInPlace: true, open: () => new Uint8Array(1) });
    expect(keyPhases.generationFor(1, 1_000)).toBe(0);
  });
});

describe('a packet', () => {
  test('[KEY-6] with a flipped key phase costs one failed decryption and changes nothing', () => {
    const keyed = new KeyedPair();
    const { server, pair } = keyed;
    const genuine = keyed.forge.short('client', server.localId, 1_000, PING);
    const flipped = genuine.slice();
    flipped[0] = (flipped[0] ?? 0) ^ 0x04;
    for (let copy = 0; copy < 3; copy++) pair.deliver('server', flipped.slice());
    expect(server.stats).toMatchObject({ keyUpdates: 0, drops: { notAuthentic: 3 } });
    const received = server.stats.packetsReceived;
    pair.deliver('server', genuine);
    expect(server.stats.packetsReceived).toBe(received + 1);
    expect([server.closed, server.stats.keyUpdates]).toEqual([undefined, 0]);
  });

  test('[KEY-7] that an update has overtaken opens for three PTOs, and not any more after them', () => {
    const keyed = new KeyedPair();
    const { server } = keyed;
    // The client knows nothing of what is sent in its name.
    keyed.pair.filter = () => undefined;
    keyed.deliver('server', 1_000, 1);
    const received = server.stats.packetsReceived;
    keyed.deliver('server', 990, 0);
    expect(server.stats.packetsReceived).toBe(received + 1);
    const { smoothedRttMs = NaN } = server.transportStats(keyed.pair.now);
    // No PTO is below the round-trip time.
    keyed.pair.run(() => false, 2.9 * smoothedRttMs);
    keyed.deliver('server', 991, 0);
    expect(server.stats.packetsReceived).toBe(received + 2);
    keyed.pair.run(() => false, 1_000);
    keyed.deliver('server', 992, 0);
    expect(server.stats).toMatchObject({ packetsReceived: received + 2, drops: { notAuthentic: 1 } });
    keyed.deliver('server', 993, 1);
    expect(server.stats.packetsReceived).toBe(received + 3);
    expect(server.closed).toBeUndefined();
  });

  test.each([
    [
      'with a number below that of an older one',
      [
        [1_000, 0],
        [990, 1],
      ],
    ],
    [
      'below one that the update has overtaken',
      [
        [1_005, 1],
        [1_004, 0],
        [1_001, 1],
      ],
    ],
    [
      'below one from before the update',
      [
        [1_000, 0],
        [1_005, 1],
        [999, 1],
      ],
    ],
  ] as const)('[KEY-8] of newer keys %s: KEY_UPDATE_ERROR', (_, packets) => {
    const keyed = new KeyedPair();
    for (const [packetNumber, generation] of packets) {
      expect(keyed.server.closed).toBeUndefined();
      keyed.deliver('server', packetNumber, generation);
    }
    expect(keyed.server.closed).toMatchObject({ by: 'local', code: TransportErrorCode.KEY_UPDATE_ERROR });
  });

  test('[KEY-8] that answers an update needs no ACK before it', () => {
    const { keyPhases } = phasesAt(1);
    keyPhases.updateIfDue(0, 3_600_000);
    keyPhases.onOpened(1, 0, 3_600_000);
    expect([keyPhases.sealGeneration, keyPhases.openGeneration]).toEqual([1, 1]);
    expect(() => {
      keyPhases.onOpened(2, 1, 3_600_000);
    }).toThrow('waited for no ACK');
  });

  test('[KEY-6] of older keys does not open above one of newer keys', () => {
    const keyed = new KeyedPair();
    const { server } = keyed;
    for (const packetNumber of [1_005, 1_001]) keyed.deliver('server', packetNumber, 1);
    keyed.deliver('server', 1_003, 0);
    expect(server.stats.drops.notAuthentic).toBe(1);
    keyed.deliver('server', 1_000, 0);
    expect(server.stats.drops.notAuthentic).toBe(1);
    expect(server.closed).toBeUndefined();
  });

  test('[KEY-8] of a second update before anything was acknowledged: KEY_UPDATE_ERROR', () => {
    const keyed = new KeyedPair();
    keyed.deliver('server', 1_000, 1);
    keyed.deliver('server', 1_001, 2);
    expect(keyed.server.closed).toMatchObject({ code: TransportErrorCode.KEY_UPDATE_ERROR });
  });

  test('[KEY-8] of a second update after an acknowledgement is taken', () => {
    const keyed = new KeyedPair();
    keyed.deliver('server', 1_000, 1);
    keyed.pair.run(() => false, 10);
    keyed.deliver('server', 1_001, 2);
    expect(keyed.server.closed).toBeUndefined();
    expect(keyed.server.stats.keyUpdates).toBe(2);
  });

  test('[KEY-8] of old keys that acknowledges one of new keys: KEY_UPDATE_ERROR', () => {
    const keyed = new KeyedPair({ server: { keyUpdateMs: 500 } });
    const { pair, server } = keyed;
    pair.filter = ({ from, bytes }) => (from === 'server' ? undefined : bytes);
    pair.run(() => false, 500);
    keyed.deliver('server', 1_000, 0);
    pair.flush();
    pair.run(() => server.stats.keyUpdates > 0, 100);
    expect(server.stats.keyUpdates).toBe(1);
    const { packetNumber = NaN } = keyed.read('server').at(-1) ?? {};
    expect(packetNumber).toBeLessThan(64);
    keyed.deliver('server', 1_001, 0, [FrameType.ACK, packetNumber, 0, 0, 0]);
    expect(server.closed).toMatchObject({ by: 'local', code: TransportErrorCode.KEY_UPDATE_ERROR });
  });

  test('[KEY-9] that does not open is counted, whatever its keys: too many end the connection', () => {
    const keyed = new KeyedPair({ limits: { forgeryLimit: 10 } });
    const { server, pair } = keyed;
    const forged = keyed.forge.short('client', server.localId, 1_000, PING);
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    for (let copy = 0; copy < 5; copy++) pair.deliver('server', forged.slice());
    keyed.deliver('server', 999, 1);
    for (let copy = 0; copy < 4; copy++) pair.deliver('server', forged.slice());
    expect(server.closed).toBeUndefined();
    pair.deliver('server', forged.slice());
    expect(server.closed).toMatchObject({ by: 'local', code: TransportErrorCode.AEAD_LIMIT_REACHED });
  });
});

test('[KEY-9] who cannot update its keys closes before one has sealed too much', () => {
  const keyed = new KeyedPair({ client: { keyUpdatePackets: 20 }, limits: { packetLimit: 60 } });
  const { client, pair } = keyed;
  // The peer takes what comes and never says so.
  pair.filter = ({ from, bytes }) => (from === 'client' ? bytes : undefined);
  for (let round = 0; round < 100 && client.closed === undefined; round++) {
    keyed.write(10);
    pair.run(() => false, 200);
  }
  expect(client.closed).toMatchObject({ by: 'local', code: TransportErrorCode.AEAD_LIMIT_REACHED });
  const perKey = new Map<number, number>();
  for (const { keyGeneration } of keyed.read('client'))
    perKey.set(keyGeneration, (perKey.get(keyGeneration) ?? 0) + 1);
  expect(Math.max(...perKey.values())).toBeLessThanOrEqual(61);
});

describe('the limits of the AEAD', () => {
  test.each([
    ['[KEY-5] none before 2^22 packets', 2 ** 22 - 1, 3_599_999, 0],
    ['[KEY-5] new keys at 2^22 packets', 2 ** 22, 0, 1],
    ['[KEY-5] new keys after an hour', 1, 3_600_000, 1],
  ] as const)('%s', (_, packets, ageMs, phase) => {
    const { keyPhases } = phasesAt(packets);
    keyPhases.updateIfDue(0, ageMs);
    expect(keyPhases.phase).toBe(phase);
  });

  test('[KEY-5] the age of keys counts from their update', () => {
    const { keyPhases } = phasesAt(1);
    keyPhases.updateIfDue(0, 3_600_000);
    keyPhases.onAckWritten();
    keyPhases.onOpened(1, 0, 3_600_000);
    keyPhases.onTimeout(7_199_999);
    keyPhases.updateIfDue(1, 7_199_999);
    expect(keyPhases.sealGeneration).toBe(1);
    keyPhases.updateIfDue(1, 7_200_000);
    expect(keyPhases.sealGeneration).toBe(2);
  });

  test('[KEY-7] [KEY-5] keys of before are kept for three PTOs, and no update begins meanwhile', () => {
    const { keyPhases } = phasesAt(1);
    keyPhases.onAckWritten();
    keyPhases.onOpened(1, 0, 1_000);
    expect(keyPhases.nextTimeout()).toBe(1_000 + 3 * PTO_MS);
    keyPhases.updateIfDue(1, 7_200_000);
    expect(keyPhases.sealGeneration).toBe(1);
    keyPhases.onTimeout(1_029);
    expect(keyPhases.opener(0)).toBeDefined();
    keyPhases.onTimeout(1_030);
    expect(keyPhases.opener(0)).toBeUndefined();
    keyPhases.updateIfDue(1, 7_200_000);
    expect(keyPhases.sealGeneration).toBe(2);
  });

  test('[KEY-9] one key seals fewer than 2^23 packets, and there is room for a CLOSE', () => {
    expect(phasesAt(2 ** 23 - 10_001).keyPhases.isSpent).toBe(false);
    const { keyPhases } = phasesAt(2 ** 23 - 10_000);
    expect(keyPhases.isSpent).toBe(true);
    keyPhases.updateIfDue(0, 0);
    expect(keyPhases.isSpent).toBe(false);
  });

  test.each([
    ['TLS_AES_128_GCM_SHA256', 2 ** 52],
    ['TLS_AES_256_GCM_SHA384', 2 ** 52],
    ['TLS_CHACHA20_POLY1305_SHA256', 2 ** 36],
  ])('[KEY-9] packets that may fail to open as RFC 9001 §6.6 has it: %s', (suite, limit) => {
    const opener = aeadKeys(suite).opener(new Uint8Array(1));
    expect(opener.forgeryLimit).toBe(limit);
    expect(opener.next?.().forgeryLimit).toBe(limit);
  });
});

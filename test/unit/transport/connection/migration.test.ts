import { type Connection } from '../../../../src/transport/connection/connection.js';
import { type Address } from '../../../../src/transport/path/path.js';
import { FrameType } from '../../../../src/transport/wire/frame-type.js';
import {
  CLIENT_ADDRESS,
  EndpointPair,
  type Flight,
  type PairOptions,
} from '../../../support/endpoint-pair.js';
import { PacketForge } from '../../../support/packet-forge.js';

const OTHER_PORT: Address = { ip: CLIENT_ADDRESS.ip, port: 50_000 };
const OTHER_HOST: Address = { ip: '10.9.9.9', port: 50_000 };
const VICTIM: Address = { ip: '10.6.6.6', port: 6_666 };

interface Established {
  readonly pair: EndpointPair;
  readonly forge: PacketForge;
  readonly client: Connection;
  readonly server: Connection;
}

/** Both confirmed, nothing under way. */
function establish(options: PairOptions = {}): Established {
  const forge = new PacketForge();
  const pair = new EndpointPair({ ...options, means: forge.means });
  const { client, server } = pair.establish();
  pair.run(() => false, 200);
  return { pair, forge, client, server };
}

/** The server sends so much on a stream that the client opens; returns what the client has read so far. */
function download({ pair, client, server }: Established, bytes: number) {
  const streamId = client.openStream() as number;
  client.writeStream(streamId, [Uint8Array.of(1)], true);
  pair.client.touch(client);
  pair.run(() => pair.eventsOf('server', 'streamReadable').length > 0);
  let written = 0;
  let read = 0;
  let isComplete = false;
  return {
    get isComplete() {
      return isComplete;
    },
    /** One step of both applications; for `pair.run`. */
    step(): boolean {
      if (written < bytes) {
        const taken = server.writeStream(
          streamId,
          [new Uint8Array(Math.min(50_000, bytes - written))],
          false,
        );
        written += taken;
        if (written === bytes) server.writeStream(streamId, [], true);
        if (taken > 0) pair.server.touch(server);
      }
      for (let next = client.readStream(streamId); next !== undefined; next = client.readStream(streamId)) {
        if (next === 'end') isComplete = true;
        else read += next.length;
      }
      pair.client.touch(client);
      return isComplete && read === bytes;
    },
  };
}

/** The client says something that is acknowledged. */
function say({ pair, client }: Established): void {
  const streamId = client.openStream() as number;
  client.writeStream(streamId, [Uint8Array.of(1)], false);
  pair.client.touch(client);
}

function sentTo(pair: EndpointPair, target: Address): Flight[] {
  return pair.flights.filter(
    (flight) => flight.target.ip === target.ip && flight.target.port === target.port,
  );
}

function bytesOf(flights: readonly Flight[]): number {
  return flights.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

describe("a client's address", () => {
  test.each([
    ['port', OTHER_PORT],
    ['host', OTHER_HOST],
  ])('[MIG-6] changes its %s, and the connection goes on with it', (_, address) => {
    const all = establish();
    const { pair, server } = all;
    pair.clientAddress = address;
    say(all);
    pair.run(() => server.path.isValidated && server.path.remote.port === address.port, 500);
    expect(server.path.remote).toEqual(address);
    expect(server.path.isValidated).toBe(true);
    expect(server.closed).toBeUndefined();
  });

  test('[MIG-10] on another port keeps window and round-trip time, on another host both begin anew', () => {
    for (const address of [OTHER_PORT, OTHER_HOST]) {
      const all = establish();
      const { pair, server } = all;
      const transfer = download(all, 400_000);
      pair.run(() => transfer.step());
      pair.run(() => false, 100);
      const { congestionWindow } = server;
      const { smoothedRttMs } = server.transportStats(pair.now);
      expect(congestionWindow).toBeGreaterThan(60_000);
      pair.clientAddress = address;
      say(all);
      pair.run(() => server.path.remote === address || server.path.remote.port === address.port, 100);
      const inBetween = [server.congestionWindow, server.transportStats(pair.now).smoothedRttMs];
      expect(inBetween[0]).toBe(congestionWindow);
      pair.run(() => server.path.isValidated, 500);
      if (address === OTHER_PORT) {
        expect(server.congestionWindow).toBe(congestionWindow);
        expect(server.transportStats(pair.now).smoothedRttMs).toBeCloseTo(smoothedRttMs ?? 0, 0);
      } else {
        expect(server.congestionWindow).toBeLessThan(50_000);
      }
    }
  });

  test('[AMP-1] [MIG-6] that is new gets at most three times what came from it, at every instant', () => {
    const all = establish();
    const { pair, server } = all;
    const transfer = download(all, 2_000_000);
    let steps = 0;
    pair.run(() => transfer.step() || ++steps > 400);
    expect(transfer.isComplete).toBe(false);
    // Nothing of the server's arrives there, so that it stays unvalidated.
    pair.clientAddress = OTHER_HOST;
    pair.filter = ({ from, bytes }) => (from === 'client' ? bytes : undefined);
    say(all);
    const start = pair.flights.length;
    pair.run(() => {
      const since = pair.flights.slice(start);
      const received = bytesOf(
        since.filter(({ from, sentAt }) => from === 'client' && sentAt <= pair.now - 5),
      );
      expect(bytesOf(sentTo(pair, OTHER_HOST))).toBeLessThanOrEqual(3 * received);
      return false;
    }, 800);
    expect(sentTo(pair, OTHER_HOST).length).toBeGreaterThan(0);
    expect(server.closed).toBeUndefined();
  });

  test('[MIG-7] is asked again when the challenge is lost, with other bytes', () => {
    const all = establish();
    const { pair, forge, client, server } = all;
    let lost = 0;
    pair.clientAddress = OTHER_HOST;
    pair.filter = ({ target, bytes }) => (target.ip === OTHER_HOST.ip && lost++ < 1 ? undefined : bytes);
    say(all);
    pair.run(() => server.path.remote.ip === OTHER_HOST.ip && server.path.isValidated, 2_000);
    const challenges = forge
      .packetsOf(pair.flights, 'server', client.originalDestinationId)
      .flatMap(({ frames }) => frames)
      .filter(({ type }) => type === FrameType.PATH_CHALLENGE)
      .map((frame) => ('bytes' in frame ? String(frame.bytes) : ''));
    expect(server.path.isValidated).toBe(true);
    expect(new Set(challenges).size).toBe(challenges.length);
    expect(challenges.length).toBeGreaterThanOrEqual(2);
  });

  test('[MIG-7] [MIG-9] that a spoofed packet pretends is left again, and the transfer goes on', () => {
    const all = establish();
    const { pair, server } = all;
    const transfer = download(all, 300_000);
    // Whoever sees the client's next datagram sends it from elsewhere, and the client's own copy is lost.
    let isStolen = false;
    pair.filter = ({ from, bytes }) => {
      if (from === 'server' || isStolen || pair.flights.length < 60) return bytes;
      isStolen = true;
      pair.deliver('server', bytes, VICTIM);
      expect(server.path.remote).toEqual(VICTIM);
      return undefined;
    };
    const stolenAt = (): number => sentTo(pair, VICTIM)[0]?.sentAt ?? Infinity;
    pair.run(() => transfer.step() && server.path.remote.ip === CLIENT_ADDRESS.ip, 10_000);
    expect(isStolen).toBe(true);
    expect(transfer.isComplete).toBe(true);
    expect(server.path.remote).toEqual(CLIENT_ADDRESS);
    expect(pair.now - stolenAt()).toBeLessThan(1_000);
    expect(bytesOf(sentTo(pair, VICTIM))).toBeLessThan(3 * 1_200);
    // The victim never answers, and is forgotten.
    pair.run(() => false, 3_000);
    expect(server.path.remote).toEqual(CLIENT_ADDRESS);
    expect(server.path.isValidated).toBe(true);
  });

  test('[MIG-7] that never answers is given up for the one before', () => {
    const all = establish();
    const { pair, server } = all;
    pair.filter = ({ from, bytes }) => (from === 'client' ? bytes : undefined);
    pair.clientAddress = VICTIM;
    say(all);
    pair.run(() => server.path.remote.ip === VICTIM.ip, 100);
    expect(server.path.remote).toEqual(VICTIM);
    // No more of it comes.
    pair.filter = () => undefined;
    pair.run(() => server.path.remote.ip === CLIENT_ADDRESS.ip, 3_000);
    expect(server.path.remote).toEqual(CLIENT_ADDRESS);
  });

  test('[MIG-5] does not change before the handshake is confirmed', () => {
    const pair = new EndpointPair();
    pair.connect();
    pair.flush();
    const [hello] = pair.flights;
    pair.deliver('server', hello?.bytes ?? new Uint8Array(0), CLIENT_ADDRESS);
    pair.deliver('server', hello?.bytes ?? new Uint8Array(0), OTHER_HOST);
    expect(pair.accepted[0]?.stats.drops.otherAddress).toBe(1);
  });

  test('[MIG-5] a datagram from a reflection port, or of a server that moves, is dropped and counted', () => {
    const all = establish();
    const { pair, client, server } = all;
    pair.clientAddress = { ip: OTHER_HOST.ip, port: 53 };
    say(all);
    pair.run(() => server.stats.drops.otherAddress > 0, 100);
    expect(server.path.remote).toEqual(CLIENT_ADDRESS);
    const last = pair.flights.filter(({ from }) => from === 'server').at(-1) as Flight;
    pair.deliver('client', last.bytes, { ip: '10.0.0.77', port: 5_005 });
    expect(client.stats.drops.otherAddress).toBe(1);
  });

  test('[MIG-5] knows at most four addresses at once, and never forgets the one in use', () => {
    const { pair, forge, server } = establish();
    const known: number[] = [];
    for (let i = 0; i < 20; i++) {
      const looking = forge.short('client', server.localId, 500 + i, [
        FrameType.PATH_CHALLENGE,
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        8,
      ]);
      pair.deliver('server', looking, { ip: CLIENT_ADDRESS.ip, port: 30_000 + i });
      known.push(server.pathCount);
    }
    expect(known.slice(0, 5)).toEqual([2, 3, 4, 4, 4]);
    expect(Math.max(...known)).toBe(4);
    expect(server.path.remote).toEqual(CLIENT_ADDRESS);
  });

  test('[MIG-6] moves nothing by a packet that is old, repeated, damaged or only looks around', () => {
    const all = establish();
    const { pair, forge, client, server } = all;
    const old: Flight[] = [];
    pair.filter = (flight) => {
      if (flight.from === 'client' && old.length === 0) {
        old.push(flight);
        return undefined;
      }
      return flight.bytes;
    };
    say(all);
    say(all);
    pair.run(() => false, 300);
    const last = pair.flights.filter(({ from }) => from === 'client').at(-1) as Flight;
    const damaged = last.bytes.slice();
    damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
    const looking = forge.short('client', server.localId, 500, [
      FrameType.PATH_CHALLENGE,
      1,
      2,
      3,
      4,
      5,
      6,
      7,
      8,
    ]);
    for (const bytes of [(old[0] as Flight).bytes, last.bytes, damaged, looking]) {
      pair.deliver('server', bytes, VICTIM);
    }
    expect(server.path.remote).toEqual(CLIENT_ADDRESS);
    pair.flush();
    // The question is answered where it came from, with no more bytes than it had.
    const answers = sentTo(pair, VICTIM);
    expect(answers).toHaveLength(1);
    expect(bytesOf(answers)).toBeLessThanOrEqual(3 * looking.length);
    expect(client.closed).toBeUndefined();
  });

  test('[MIG-8] a flood of challenges is answered with no more bytes than it has, and no more packets than it may', () => {
    const { pair, forge, server } = establish();
    pair.filter = ({ from, bytes }) => (from === 'client' ? bytes : undefined);
    let asked = 0;
    const before = bytesOf(sentTo(pair, CLIENT_ADDRESS));
    for (let number = 1_000; number < 3_000; number++) {
      const bytes = forge.short('client', server.localId, number, [FrameType.PATH_CHALLENGE, ...ids(number)]);
      asked += bytes.length;
      pair.deliver('server', bytes);
      pair.flush();
    }
    const answered = bytesOf(sentTo(pair, CLIENT_ADDRESS)) - before;
    expect(answered).toBeGreaterThan(0);
    expect(answered).toBeLessThanOrEqual(3 * asked);
    expect(server.stats.pathProbesSent).toBeLessThanOrEqual(2_000);
  });

  test('[MIG-10] a client with a new socket says so at once, and on another host under another connection ID', () => {
    for (const isSameHost of [true, false]) {
      const all = establish();
      const { pair, forge, client, server } = all;
      say(all);
      pair.run(() => false, 100);
      const count = forge.packetsOf(pair.flights, 'client', client.originalDestinationId).length;
      pair.clientAddress = isSameHost ? OTHER_PORT : OTHER_HOST;
      pair.client.handleRebinding(isSameHost, pair.now);
      pair.run(() => server.path.remote.port === 50_000 && server.path.isValidated, 200);
      expect(server.path.remote).toEqual(pair.clientAddress);
      const [first] = forge.packetsOf(pair.flights, 'client', client.originalDestinationId).slice(count);
      expect(String(first?.destinationId) === String(server.localId)).toBe(isSameHost);
      // The old one is given back, and replaced.
      pair.run(() => false, 500);
      expect(server.localIds).toHaveLength(4);
      expect(server.localIds.map(String).includes(String(server.localId))).toBe(isSameHost);
    }
  });

  test('[MIG-6] counts under the address where it is now', () => {
    const all = establish({ serverLimits: { maxConnectionsPerAddress: 1 } });
    const { pair, server } = all;
    pair.clientAddress = OTHER_HOST;
    say(all);
    pair.run(() => server.path.remote.ip === OTHER_HOST.ip && server.path.isValidated, 500);
    pair.run(() => false, 100);
    const { port } = CLIENT_ADDRESS;
    const second = pair.connect();
    pair.filter = ({ bytes }) => {
      pair.deliver('server', bytes, { ip: OTHER_HOST.ip, port });
      return undefined;
    };
    pair.flush();
    expect([pair.server.drops.refused, pair.server.connectionCount]).toEqual([1, 1]);
    pair.filter = ({ bytes, from }) => {
      if (from === 'client') pair.deliver('server', bytes, CLIENT_ADDRESS);
      return undefined;
    };
    pair.run(() => pair.server.connectionCount === 2, 1_000);
    expect([second.isReady, pair.server.connectionCount]).toEqual([false, 2]);
  });

  test.each([0, 1_500])(
    '[MIG-10] on another port cuts no window for what was lost at the old one, %d ms long',
    (silentMs) => {
      // Cubic's window falls for losses and nothing else.
      const all = establish({ delayMs: 25, server: { congestionControl: 'cubic' } });
      const { pair, server } = all;
      const transfer = download(all, 3_000_000);
      pair.run(() => transfer.step() || pair.flights.length > 1_000);
      expect(transfer.isComplete).toBe(false);
      // It only receives, so that the server hears of it when it asks into the silence [IDL-5], or still later.
      pair.clientAddress = OTHER_PORT;
      const heardAt = pair.now + silentMs;
      pair.filter = ({ from, bytes }) => (from === 'client' && pair.now < heardAt ? undefined : bytes);
      let window = server.congestionWindow;
      let cuts = 0;
      pair.run(() => {
        if (server.congestionWindow < window) cuts++;
        window = server.congestionWindow;
        return transfer.step();
      });
      expect(transfer.isComplete).toBe(true);
      expect(server.path.remote).toEqual(OTHER_PORT);
      expect(server.stats.packetsLost).toBeGreaterThan(50);
      expect(cuts).toBe(0);
      expect(window).toBeGreaterThan(100_000);
    },
  );

  test('a transfer survives a new port every 100 ms, and no state is left of the old ones', () => {
    const all = establish({ delayMs: 25, client: { streamWindow: 65_536 } });
    const { pair, server, client } = all;
    const transfer = download(all, 1_500_000);
    let port = 20_000;
    let movedAt = pair.now;
    let moves = 0;
    pair.run(() => {
      if (pair.now - movedAt >= 100) {
        pair.clientAddress = { ip: CLIENT_ADDRESS.ip, port: port++ };
        movedAt = pair.now;
        moves++;
        if (moves < 50) say(all);
      }
      return transfer.step();
    }, 60_000);
    expect(transfer.isComplete).toBe(true);
    expect(moves).toBeGreaterThan(2);
    pair.run(() => false, 5_000);
    expect(server.pathCount).toBe(1);
    expect([server.closed, client.closed]).toEqual([undefined, undefined]);
  });
});

function ids(number: number): number[] {
  return [number >> 8, number & 0xff, 3, 4, 5, 6, 7, 8];
}

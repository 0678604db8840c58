import { type Connection } from '../../../../src/transport/connection/connection.js';
import {
  CLIENT_ADDRESS,
  EndpointPair,
  SERVER_ADDRESS,
  testMeans,
  tokenOf,
} from '../../../support/endpoint-pair.js';
import { PacketForge } from '../../../support/packet-forge.js';

const SIZES = { smallest: 24, largest: 40 };

/** A packet to an ID of nobody's. */
function stray(length: number, firstByte = 0x43): Uint8Array {
  const bytes = new Uint8Array(length).fill(7);
  bytes[0] = firstByte;
  return bytes;
}

function answers(pair: EndpointPair): Uint8Array[] {
  const sent: Uint8Array[] = [];
  for (let next = pair.server.pollTransmit(pair.now); next; next = pair.server.pollTransmit(pair.now)) {
    sent.push(next.bytes.slice(0, next.length));
    pair.server.release(next);
  }
  return sent;
}

/** A client whose server has been started again, and the packet by which it asks. */
function orphan(): { pair: EndpointPair; client: Connection; asking: Uint8Array } {
  const pair = new EndpointPair();
  const { client } = pair.establish();
  pair.run(() => false, 200);
  const sent: Uint8Array[] = [];
  pair.filter = ({ bytes }) => {
    sent.push(bytes);
    return undefined;
  };
  client.writeStream(client.openStream() as number, [Uint8Array.of(1, 2, 3)], false);
  pair.client.touch(client);
  pair.run(() => client.stats.ptoCount > 0);
  pair.flush();
  return { pair, client, asking: sent.at(-1) as Uint8Array };
}

describe('a stateless reset', () => {
  test('[RST-1] [RST-3] [RST-4] ends the connection of a client that probes, at once and without a word', () => {
    const { pair, client, asking } = orphan();
    const restarted = new EndpointPair();
    restarted.deliver('server', asking, CLIENT_ADDRESS);
    const [reset, ...more] = answers(restarted);
    expect(more).toEqual([]);
    expect(reset?.slice(-16)).toEqual(tokenOf(asking.slice(1, 9)));
    pair.flights.length = 0;
    pair.deliver('client', reset as Uint8Array);
    expect(client.closed).toMatchObject({
      by: 'reset',
      reason: expect.stringContaining('restarted') as string,
    });
    pair.run(() => false, 1_000);
    expect(pair.flights).toEqual([]);
  });

  test('[RST-3] is recognised also under an ID of the client itself', () => {
    const { pair, client, asking } = orphan();
    const reset = stray(30);
    reset.set(client.localId, 1);
    reset.set(tokenOf(asking.slice(1, 9)), 14);
    pair.deliver('client', reset);
    expect(client.closed?.by).toBe('reset');
  });

  test('[RST-3] of another token, from another address, too short, or to a server, is nothing', () => {
    const { pair, client, asking } = orphan();
    const token = tokenOf(asking.slice(1, 9));
    const right = stray(40);
    right.set(token, 24);
    const wrong = right.slice();
    wrong[39] = (wrong[39] ?? 0) ^ 1;
    const short = right.slice(17);
    pair.deliver('client', wrong);
    pair.deliver('client', short);
    pair.deliver('client', right, { ...SERVER_ADDRESS, port: 9 });
    pair.deliver('server', right);
    expect(client.closed).toBeUndefined();
    expect(pair.accepted[0]?.closed).toBeUndefined();
    pair.deliver('client', right);
    expect(client.closed?.by).toBe('reset');
  });

  test('[RST-2] looks like a packet, and is smaller than what it answers and than what is answered', () => {
    const pair = new EndpointPair();
    const sizes = new Set<number>();
    for (let i = 0; i < 300; i++) {
      pair.now += 20;
      pair.deliver('server', stray(SIZES.largest + 1));
      const [reset] = answers(pair);
      expect((reset?.[0] ?? 0) >> 6).toBe(1);
      sizes.add(reset?.length ?? 0);
    }
    expect([Math.min(...sizes), Math.max(...sizes)]).toEqual([SIZES.smallest, SIZES.largest]);
    pair.now += 20;
    pair.deliver('server', stray(SIZES.largest));
    expect(answers(pair)).toEqual([]);
  });

  test('[RST-2] goes to an IP address once in 20 ms, and not to a reflection port', () => {
    const pair = new EndpointPair();
    for (let i = 0; i < 1_000; i++) {
      pair.deliver('server', stray(1_200), { ip: '10.0.0.1', port: 1_000 + i });
      pair.now += 1;
    }
    expect(answers(pair)).toHaveLength(50);
    pair.deliver('server', stray(1_200), { ip: '10.0.0.5', port: 53 });
    expect(answers(pair)).toEqual([]);
    pair.deliver('server', stray(1_200), { ip: '10.0.0.5', port: 54 });
    expect(answers(pair)).toHaveLength(1);
  });

  test('[RST-2] is limited over all addresses too', () => {
    const pair = new EndpointPair();
    let count = 0;
    for (let i = 0; i < 5_000; i++) {
      pair.deliver('server', stray(100), { ip: `10.1.${i >> 8}.${i & 0xff}`, port: 1_000 });
      count += answers(pair).length;
    }
    expect(count).toBe(1_000);
  });

  test('[RST-2] is not sent by a client', () => {
    const pair = new EndpointPair({ means: testMeans() });
    pair.establish();
    pair.run(() => false, 200);
    const count = pair.flights.length;
    pair.deliver('client', stray(100));
    pair.flush();
    expect(pair.flights).toHaveLength(count);
  });

  test('[RST-4] a PING is large enough to be answered', () => {
    const forge = new PacketForge();
    const pair = new EndpointPair({ means: forge.means });
    const { client } = pair.establish();
    client.writeStream(client.openStream() as number, [Uint8Array.of(1)], false);
    pair.client.touch(client);
    pair.run(() => false, 200);
    const count = pair.flights.length;
    pair.run(() => pair.flights.length > count, 20_000);
    expect(pair.flights[count]).toMatchObject({ from: 'client' });
    expect(pair.flights[count]?.bytes.length).toBeGreaterThan(SIZES.largest);
  });

  test('[RST-2] [AMP-3] keeps no two servers busy that somebody wires to each other: silence within 5 s', () => {
    const one = new EndpointPair();
    const other = new EndpointPair();
    const startedAt = one.now;
    let lastAt = startedAt;
    for (const length of [9, 24, 40, 41, 100, 1_200]) {
      for (const firstByte of [0x43, 0x7f, 0xc0, 0x80, 0x00])
        one.deliver('server', stray(length, firstByte), SERVER_ADDRESS);
    }
    for (; one.now - startedAt < 10_000; one.now += 10, other.now = one.now) {
      for (const [from, to] of [
        [one, other],
        [other, one],
      ] as const) {
        for (const bytes of answers(from)) {
          lastAt = one.now;
          to.deliver('server', bytes, SERVER_ADDRESS);
        }
        from.server.handleTimeout(from.now);
      }
    }
    expect(lastAt - startedAt).toBeLessThan(5_000);
  });
});

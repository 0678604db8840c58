import { BufferBudget } from '../../../../src/transport/stream/buffer-budget.js';
import { ChunkPool } from '../../../../src/transport/stream/chunk-pool.js';
import { DEFAULT_STREAM_LIMITS } from '../../../../src/transport/stream/stream-limits.js';
import { type StreamSet } from '../../../../src/transport/stream/stream-set.js';
import {
  acknowledge,
  packetOf,
  pattern,
  receive,
  type StreamPacket,
} from '../../../support/stream-packet.js';
import { openOf, readAll, settle, streamPair, streamSet } from '../../../support/stream-pair.js';
import { errorWithCode } from '../../../support/transport-error.js';

const EMPTY = new Uint8Array(0);

describe('a small call', () => {
  test('is one frame each way, and everything is back at zero after it', () => {
    const pool = new ChunkPool(new BufferBudget());
    const { client, server, clientEvents, serverEvents } = streamPair({ pool });
    const id = openOf(client);
    expect(client.write(id, [pattern(100)], true)).toBe(100);
    expect(pool.usedBytes).toBe(256);

    const request = packetOf(client);
    expect(request.frames).toEqual([{ kind: 'stream', streamId: 0, offset: 0, length: 100, fin: true }]);
    expect(client.hasFramesToSend).toBe(false);
    receive(server, request);
    expect(serverEvents).toEqual([
      { kind: 'streamOpened', streamId: 0, isFirstFlight: false },
      { kind: 'streamReadable', streamId: 0 },
    ]);
    expect(readAll(server, id)).toEqual({ bytes: pattern(100), hasEnded: true });

    server.write(id, [pattern(50)], true);
    const response = packetOf(server);
    expect(response.frames).toHaveLength(1);
    acknowledge(client, request);
    receive(client, response);
    expect(clientEvents).toEqual([{ kind: 'streamReadable', streamId: 0 }]);
    expect(readAll(client, id)).toEqual({ bytes: pattern(50), hasEnded: true });
    acknowledge(server, response);

    for (const set of [client, server]) {
      expect([set.openCount, set.sendBufferBytes, set.receiveBufferBytes]).toEqual([0, 0, 0]);
      expect(set.hasFramesToSend).toBe(false);
    }
    expect(pool.usedBytes).toBe(0);
  });

  test('sends what was written when the writer reuses its array, also when it is sent again', () => {
    const { client, server } = streamPair();
    const id = openOf(client);
    const array = pattern(500);
    client.write(id, [array], true);
    array.fill(1);
    const lost = packetOf(client);
    for (const frame of lost.frames) client.onLost(frame);
    array.fill(2);
    receive(server, packetOf(client));
    expect(readAll(server, id)).toEqual({ bytes: pattern(500), hasEnded: true });
  });

  test('an empty stream ends', () => {
    const { client, server } = streamPair();
    const id = openOf(client);
    client.write(id, [], true);
    settle({ client, server, clientEvents: [], serverEvents: [] });
    expect(server.read(id)).toBe('end');
    expect(server.read(id)).toBeUndefined();
  });
});

describe('opening', () => {
  test('[STR-1] [STR-3] [FLC-4] the client uses the IDs 0, 2, 4, … up to the limit, and hears when there are more', () => {
    const pair = streamPair({ server: { maxStreams: 2 } });
    const { client, clientEvents } = pair;
    expect([client.open(), client.open(), client.open(), client.open()]).toEqual([
      0,
      2,
      undefined,
      undefined,
    ]);
    expect(packetOf(client).frames).toEqual([{ kind: 'streamsBlocked', limit: 2 }]);
    client.onMaxStreams(2);
    expect(clientEvents).toEqual([]);
    client.onMaxStreams(3);
    client.onMaxStreams(1);
    expect(clientEvents).toEqual([{ kind: 'streamsAvailable' }]);
    expect([client.open(), client.open()]).toEqual([4, undefined]);
  });

  test('more streams are not announced to somebody who did not ask', () => {
    const { client, clientEvents } = streamPair({ server: { maxStreams: 2 } });
    client.open();
    client.onMaxStreams(3);
    expect(clientEvents).toEqual([]);
  });

  test('[STR-2] lower streams open with a higher one, in order, whatever frame it is', () => {
    const { server, serverEvents } = streamPair();
    server.onStreamFrame(4, 0, pattern(1), false, true);
    server.onResetStream(6, 3, 0);
    server.onStopSending(8, 3);
    server.onMaxStreamData(10, 1_000);
    server.onStreamDataBlocked(12, 1_000);
    const opened = serverEvents.filter(({ kind }) => kind === 'streamOpened');
    expect(opened).toEqual(
      [0, 2, 4, 6, 8, 10, 12].map((streamId) => ({
        kind: 'streamOpened',
        streamId,
        isFirstFlight: streamId <= 4,
      })),
    );
    server.onStreamFrame(0, 0, pattern(1), false, false);
    expect(serverEvents.filter(({ kind }) => kind === 'streamOpened')).toHaveLength(7);
    expect(server.openCount).toBe(7);
  });

  test('[STR-3] a stream above the limit is refused, whatever the client says of streams', () => {
    const { server } = streamPair({ server: { maxStreams: 3 } });
    server.onMaxStreams(1_000);
    server.onStreamFrame(4, 0, EMPTY, false, false);
    expect(() => {
      server.onStreamFrame(6, 0, EMPTY, false, false);
    }).toThrow(errorWithCode('STREAM_LIMIT_ERROR'));
    expect(() => {
      server.onStopSending(Number.MAX_SAFE_INTEGER - 1, 0);
    }).toThrow(errorWithCode('STREAM_LIMIT_ERROR'));
  });

  test('[STR-1] [STR-2] streams of the wrong side are refused', () => {
    const { client, server } = streamPair();
    expect(() => {
      server.onStreamFrame(1, 0, EMPTY, false, false);
    }).toThrow(errorWithCode('STREAM_STATE_ERROR'));
    client.open();
    expect(() => {
      client.onMaxStreamData(2, 1);
    }).toThrow(errorWithCode('STREAM_STATE_ERROR'));
  });

  test('[STR-10] a server opens one stream, in all, and asks for no more', () => {
    const pair = streamPair();
    const { client, server, clientEvents, serverEvents } = pair;
    expect([server.open(), server.open()]).toEqual([1, undefined]);
    server.write(1, [pattern(10)], true);
    server.stop(1, 0);
    settle(pair);
    expect(clientEvents).toEqual([
      { kind: 'streamOpened', streamId: 1, isFirstFlight: false },
      { kind: 'streamStopped', streamId: 1, code: 0 },
      { kind: 'streamReadable', streamId: 1 },
    ]);
    expect(readAll(client, 1)).toEqual({ bytes: pattern(10), hasEnded: true });
    client.reset(1, 0);
    settle(pair);
    expect([client.openCount, server.openCount]).toEqual([0, 0]);
    expect(server.open()).toBeUndefined();
    expect([packetOf(server).frames, packetOf(client).frames]).toEqual([[], []]);
    expect(serverEvents.filter(({ kind }) => kind === 'streamsAvailable')).toEqual([]);
  });

  test('[STR-3] [STR-10] a second stream of a server is above the limit, one that it has not opened is not used', () => {
    const { client, server } = streamPair();
    expect(() => {
      client.onStreamFrame(3, 0, EMPTY, false, false);
    }).toThrow(errorWithCode('STREAM_LIMIT_ERROR'));
    server.open();
    server.onMaxStreamData(1, 2_000_000);
    expect(() => {
      server.onMaxStreamData(3, 1);
    }).toThrow(errorWithCode('STREAM_STATE_ERROR'));
  });

  test('[STR-10] a client of an earlier version takes none', () => {
    const server = streamSet({ role: 'server', limits: DEFAULT_STREAM_LIMITS, emit: () => undefined });
    server.onPeerLimits({ maxData: 10_000, maxStreamData: 10_000, maxStreams: 0 });
    expect(server.open()).toBeUndefined();
    expect(packetOf(server).frames).toEqual([]);
  });

  test('[HSK-10] the first flight has its own limits, which the real ones replace', () => {
    const { client } = streamPair({ isFirstFlight: true });
    const ids = Array.from({ length: 65 }, () => client.open());
    expect(ids.at(-2)).toBe(126);
    expect(ids.at(-1)).toBeUndefined();
    client.write(0, [pattern(100_000)], true);
    expect(sendAll(client)).toBe(65_536);
    for (let id = 2; id < 12; id += 2) client.write(id, [pattern(60_000)], true);
    // [FLC-6] Bulk leaves an eighth to small calls.
    const bulk = 262_144 * (7 / 8);
    expect(sendAll(client)).toBe(bulk - 65_536);
    client.write(12, [pattern(1_000)], true);
    expect(sendAll(client)).toBe(1_000);
    client.onPeerLimits({ maxData: 500_000, maxStreamData: 80_000, maxStreams: 100 });
    expect(sendAll(client)).toBe(80_000 + 5 * 60_000 - bulk);
    expect(client.open()).toBe(128);
  });

  test('real limits below what the first flight used are the error of the peer', () => {
    const used = { maxData: 10_000, maxStreamData: 10_000, maxStreams: 1 };
    const low = [
      { ...used, maxData: 9_999 },
      { ...used, maxStreamData: 9_999 },
      { ...used, maxStreams: 0 },
    ];
    for (const limits of [used, ...low]) {
      const { client } = streamPair({ isFirstFlight: true });
      client.write(openOf(client), [pattern(10_000)], false);
      while (client.hasFramesToSend) packetOf(client);
      const act = (): void => {
        client.onPeerLimits(limits);
      };
      if (limits === used) expect(act).not.toThrow();
      else expect(act).toThrow(errorWithCode('TRANSPORT_PARAMETER_ERROR'));
    }
  });
});

describe('retiring', () => {
  test('[STR-7] a stream of the peer is given back when both halves have ended, not before', () => {
    const pair = streamPair({ server: { maxStreams: 1 } });
    const { client, server, clientEvents } = pair;
    const id = openOf(client);
    expect(client.open()).toBeUndefined();
    client.write(id, [pattern(10)], true);
    settle(pair);
    server.write(id, [pattern(10)], true);
    settle(pair);
    expect([server.openCount, clientEvents.filter((e) => e.kind === 'streamsAvailable')]).toEqual([1, []]);
    readAll(server, id);
    expect(server.openCount).toBe(0);
    settle(pair);
    expect(clientEvents.at(-1)).toEqual({ kind: 'streamsAvailable' });
    expect(client.open()).toBe(2);
    readAll(client, id);
    expect(client.openCount).toBe(1);
  });

  test('[STR-8] what comes for a retired stream is ignored', () => {
    const pair = streamPair();
    const { client, server, serverEvents } = pair;
    const id = openOf(client);
    client.write(id, [pattern(10)], true);
    const request = packetOf(client);
    receive(server, request);
    readAll(server, id);
    server.write(id, [], true);
    const response = packetOf(server);
    acknowledge(server, response);
    expect(server.openCount).toBe(0);
    const count = serverEvents.length;
    receive(server, request);
    server.onResetStream(id, 0, 10);
    server.onStopSending(id, 0);
    server.onMaxStreamData(id, 1 << 30);
    acknowledge(server, response);
    for (const frame of response.frames) server.onLost(frame);
    server.onLost({ kind: 'resetStream', streamId: id });
    server.onLost({ kind: 'maxStreamData', streamId: id, limit: 1 << 20 });
    expect([server.openCount, serverEvents.length, server.hasFramesToSend]).toEqual([0, count, false]);
    expect([server.read(id), server.write(id, [pattern(3)], true)]).toEqual([undefined, 3]);
    server.reset(id, 0);
    server.stop(id, 0);
    expect(server.hasFramesToSend).toBe(false);
  });

  test('[STR-7] the limit on streams goes up in steps while it is far, and one by one while it is near', () => {
    const { server } = streamPair({ server: { maxStreams: 10 } });
    const limits: number[] = [];
    const finish = (id: number): void => {
      server.onStreamFrame(id, 0, EMPTY, true, false);
      readAll(server, id);
      server.write(id, [], true);
      while (server.hasFramesToSend) {
        const packet = packetOf(server);
        for (const frame of packet.frames) if (frame.kind === 'maxStreams') limits.push(frame.limit);
        acknowledge(server, packet);
      }
    };
    for (let id = 0; id < 24; id += 2) finish(id);
    // Two are an eighth of ten.
    expect(limits).toEqual([12, 14, 16, 18, 20, 22]);
    server.onStreamFrame(32, 0, EMPTY, false, false);
    packetOf(server);
    server.onStreamFrame(42, 0, EMPTY, false, false);
    limits.length = 0;
    for (const id of [24, 26, 28]) finish(id);
    expect(limits).toEqual([23, 24, 25]);
  });

  test('[STR-7] credit comes back with the last bytes of a call, and at most twice what is allowed is open', () => {
    const { server } = streamPair({ server: { maxStreams: 4 } });
    const answer = (id: number): StreamPacket => {
      server.onStreamFrame(id, 0, EMPTY, true, false);
      readAll(server, id);
      server.write(id, [pattern(10)], true);
      return packetOf(server);
    };
    const packets = [0, 2, 4, 6].map(answer);
    const limitIn = ({ frames }: StreamPacket): number[] =>
      frames.flatMap((frame) => (frame.kind === 'maxStreams' ? [frame.limit] : []));
    expect(packets.flatMap(limitIn).at(-1)).toBe(8);
    // Nothing is acknowledged: the next four are open beside the first, and then none more.
    const more = [8, 10, 12, 14].map(answer);
    expect([server.openCount, more.flatMap(limitIn)]).toEqual([8, []]);
    expect(() => answer(16)).toThrow(errorWithCode('STREAM_LIMIT_ERROR'));
    for (const packet of packets) acknowledge(server, packet);
    for (const packet of more) acknowledge(server, packet);
    expect([server.openCount, limitIn(packetOf(server))]).toEqual([0, [12]]);
  });
});

test('a lost MAX_STREAMS is sent again while it is current', () => {
  const { server } = streamPair({ server: { maxStreams: 2 } });
  for (const id of [0, 2]) {
    server.onResetStream(id, 0, 0);
    server.reset(id, 0);
  }
  const update = { kind: 'maxStreams', limit: 4 } as const;
  expect(packetOf(server).frames).toContainEqual(update);
  server.onLost({ kind: 'maxStreams', limit: 3 });
  expect(server.hasFramesToSend).toBe(false);
  server.onLost(update);
  expect(packetOf(server).frames).toEqual([update]);
});

describe('closing', () => {
  test('drops everything, and every verb after it does nothing', () => {
    const pool = new ChunkPool(new BufferBudget());
    const pair = streamPair({
      pool,
      client: { sendBufferPerStream: 10_000, sendBufferPerConnection: 16_000 },
      server: { maxStreams: 2 },
    });
    const { client, server, clientEvents } = pair;
    const id = openOf(client);
    client.write(id, [pattern(10_000)], true);
    expect(client.write(openOf(client), [pattern(10_000)], false)).toBe(6_000);
    client.open();
    receive(server, packetOf(client));
    client.closeAll();
    server.closeAll();
    for (const set of [client, server]) {
      expect([set.openCount, set.sendBufferBytes, set.receiveBufferBytes, set.hasFramesToSend]).toEqual([
        0,
        0,
        0,
        false,
      ]);
    }
    expect(pool.usedBytes).toBe(0);
    client.onMaxStreams(10);
    expect([client.open(), client.read(id), client.write(id, [pattern(3)], true)]).toEqual([
      undefined,
      undefined,
      3,
    ]);
    server.onStreamFrame(8, 0, pattern(10), true, false);
    expect(server.openCount).toBe(0);
    expect(clientEvents).toEqual([]);
  });
});

/** Returns how many bytes of streams were sent. */
function sendAll(set: StreamSet): number {
  let bytes = 0;
  while (set.hasFramesToSend) {
    for (const frame of packetOf(set).frames) if (frame.kind === 'stream') bytes += frame.length;
  }
  return bytes;
}

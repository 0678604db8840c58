import { type SentFrame } from '../../../../src/transport/recovery/sent-packet.js';
import { type StreamSet } from '../../../../src/transport/stream/stream-set.js';
import { lose, packetOf, pattern } from '../../../support/stream-packet.js';
import { openOf, readAll, settle, streamPair } from '../../../support/stream-pair.js';

const bulk = pattern(1_000_000);

function streamsOf(frames: readonly SentFrame[]): number[] {
  return frames.map((frame) => ('streamId' in frame ? frame.streamId : -1));
}

function bytesOf(packets: readonly { readonly frames: readonly SentFrame[] }[]): number {
  return packets
    .flatMap(({ frames }) => frames)
    .reduce((sum, frame) => sum + (frame.kind === 'stream' ? frame.length : 0), 0);
}

/** By stream, where the bytes sent in these packets end. */
function endsOf(packets: readonly { readonly frames: readonly SentFrame[] }[]): Map<number, number> {
  const ends = new Map<number, number>();
  for (const frame of packets.flatMap(({ frames }) => frames)) {
    if (frame.kind === 'stream') ends.set(frame.streamId, frame.offset + frame.length);
  }
  return ends;
}

/** The packet begins with bytes that were sent before. */
function startsBelow([first]: readonly SentFrame[], ends: ReadonlyMap<number, number>): boolean {
  return first?.kind === 'stream' && first.offset < (ends.get(first.streamId) ?? 0);
}

/** Opens a stream with much to send, and sends so much of it that nobody takes it for a small call. */
function openBulk(client: StreamSet): number {
  const id = openOf(client);
  client.write(id, [bulk], true);
  for (let i = 0; i < 100; i++) packetOf(client, 1_000);
  return id;
}

describe('SendScheduler', () => {
  test('bulk streams take turns, a packet each', () => {
    const { client } = streamPair();
    const ids = [openBulk(client), openBulk(client), openBulk(client)];
    const turns = Array.from({ length: 9 }, () => streamsOf(packetOf(client).frames));
    const [a, b, c] = turns as [number[], number[], number[]];
    expect(new Set([...a, ...b, ...c])).toEqual(new Set(ids));
    expect(turns.map((turn) => turn.length)).toEqual(new Array(9).fill(1));
    expect(turns.slice(3, 6)).toEqual([a, b, c]);
  });

  test('a small call does not wait behind bulk, and shares its packet', () => {
    const { client } = streamPair();
    for (let i = 0; i < 5; i++) openBulk(client);
    packetOf(client);
    const small = openOf(client);
    client.write(small, [pattern(100)], true);
    const ids = streamsOf(packetOf(client).frames);
    // First: behind bulk it would only have what a turn of bulk leaves of the packet, here enough, but not for all.
    expect(ids).toHaveLength(2);
    expect(ids[0]).toBe(small);
  });

  test('many small calls do not starve bulk', () => {
    const { client } = streamPair({ server: { maxStreams: 1_000 } });
    const id = openBulk(client);
    const owners: boolean[] = [];
    for (let i = 0; i < 20; i++) {
      for (let j = 0; j < 20; j++) client.write(openOf(client), [pattern(200)], true);
      owners.push(streamsOf(packetOf(client).frames).includes(id));
    }
    expect(owners.filter(Boolean).length).toBe(10);
  });

  test('lost bytes of streams that have sent little are sent again in turn, before everything new', () => {
    const { client } = streamPair();
    const [first, second] = [openOf(client), openOf(client)];
    client.write(first, [bulk], true);
    client.write(second, [bulk], true);
    const packets = Array.from({ length: 6 }, () => packetOf(client, 1_000));
    for (const packet of packets) lose(client, packet);
    client.write(openOf(client), [pattern(10)], true);
    const ids = Array.from({ length: 4 }, () => streamsOf(packetOf(client, 1_000).frames)[0]);
    expect(ids).toEqual([first, second, first, second]);
  });

  test('lost bytes of bulk are sent again in turn, before more of it', () => {
    const { client } = streamPair();
    const ids = [openBulk(client), openBulk(client)];
    const packets = Array.from({ length: 40 }, () => packetOf(client, 1_000));
    const sentBefore = endsOf(packets);
    for (const packet of packets) lose(client, packet);
    const lost = bytesOf(packets);
    const again = Array.from({ length: 40 }, () => packetOf(client, 1_000));
    const repairs = again.filter(({ frames }) => startsBelow(frames, sentBefore));
    // All of them, one after the other, of both, and only then something new.
    expect(repairs).toEqual(again.slice(0, repairs.length));
    expect(bytesOf(repairs)).toBeGreaterThanOrEqual(lost);
    expect(new Set(repairs.slice(0, 2).flatMap(({ frames }) => streamsOf(frames)))).toEqual(new Set(ids));
  });

  test('a small call does not wait for the repair of bulk, which goes on in every other packet', () => {
    const { client } = streamPair({ server: { maxStreams: 1_000 } });
    const id = openOf(client);
    client.write(id, [bulk], true);
    const packets = Array.from({ length: 100 }, () => packetOf(client, 1_000));
    for (const packet of packets) lose(client, packet);
    const small = openOf(client);
    client.write(small, [pattern(100)], true);
    expect(streamsOf(packetOf(client, 1_000).frames)).toContain(small);
    const repairs: boolean[] = [];
    for (let i = 0; i < 20; i++) {
      for (let j = 0; j < 20; j++) client.write(openOf(client), [pattern(200)], true);
      repairs.push(streamsOf(packetOf(client, 1_000).frames).includes(id));
    }
    expect(repairs.filter(Boolean).length).toBe(10);
  });

  test('a lost small call is repaired before bulk', () => {
    const { client } = streamPair();
    const small = openOf(client);
    client.write(small, [pattern(100)], true);
    const packet = packetOf(client);
    const id = openBulk(client);
    for (let i = 0; i < 50; i++) lose(client, packetOf(client, 1_000));
    lose(client, packet);
    expect(streamsOf(packetOf(client, 1_000).frames)).toEqual([small, id]);
  });

  test('bulk streams share by bytes, also where the ends of packets are uneven', () => {
    const { client } = streamPair();
    const ids = [openBulk(client), openBulk(client), openBulk(client)];
    const sent = new Map<number, number>(ids.map((id) => [id, 0]));
    for (let i = 0; i < 300; i++) {
      // What a control frame, an ACK or a small call leaves of a packet.
      for (const frame of packetOf(client, i % 3 === 0 ? 1_200 : 150).frames) {
        if (frame.kind === 'stream') sent.set(frame.streamId, (sent.get(frame.streamId) ?? 0) + frame.length);
      }
    }
    const shares = [...sent.values()];
    // A turn each is the most by which they can differ.
    expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1_024 + 1_200);
  });

  test('[FLC-6] small calls go on while bulk that nobody reads has taken all its credit', () => {
    const pair = streamPair({ server: { connectionWindow: 1 << 20 } });
    const { client, server } = pair;
    const ids = Array.from({ length: 4 }, () => openOf(client));
    for (const id of ids) client.write(id, [bulk], true);
    settle(pair);
    expect(server.receiveBufferBytes).toBe((1 << 20) - 32_768);
    // Three times what was left for them: it comes back as they are read.
    for (let i = 0; i < 100; i++) {
      const id = openOf(client);
      client.write(id, [pattern(1_000)], true);
      settle(pair);
      expect(readAll(server, id)).toEqual({ bytes: pattern(1_000), hasEnded: true });
      server.write(id, [], true);
      settle(pair);
      readAll(client, id);
    }
    for (const id of ids) readAll(server, id);
    settle(pair);
    expect(server.receiveBufferBytes).toBeGreaterThan(0);
  });

  test('[FLC-4] [FLC-6] bulk that has taken all its credit says so once', () => {
    const { client } = streamPair({ server: { connectionWindow: 1 << 20 } });
    client.write(openOf(client), [bulk], false);
    client.write(openOf(client), [bulk], false);
    const reports: SentFrame[] = [];
    for (let i = 0; i < 2_000; i++) {
      for (const frame of packetOf(client).frames) if (frame.kind === 'dataBlocked') reports.push(frame);
    }
    expect(reports).toEqual([{ kind: 'dataBlocked', limit: 1 << 20 }]);
    for (const report of reports) client.onLost(report);
    expect(packetOf(client).frames).toEqual(reports);
    client.onMaxData(2 << 20);
    for (const report of reports) client.onLost(report);
    expect(packetOf(client).frames.map(({ kind }) => kind)).toEqual(['stream']);
  });

  test('a stream without credit of its own does not hold up others', () => {
    const { client } = streamPair({ server: { streamWindow: 100 } });
    const [first, second] = [openOf(client), openOf(client)];
    client.write(first, [pattern(1_000)], true);
    client.write(second, [pattern(100)], true);
    expect(streamsOf(packetOf(client).frames)).toEqual([first, second]);
  });

  test('streams that were reset while they waited are passed over', () => {
    const { client } = streamPair();
    const ids = Array.from({ length: 5 }, () => openOf(client));
    for (const id of ids) client.write(id, [pattern(100)], true);
    for (const id of ids) client.reset(id, 0);
    expect(packetOf(client).frames.every(({ kind }) => kind === 'resetStream')).toBe(true);
    expect(client.hasFramesToSend).toBe(false);
  });
});

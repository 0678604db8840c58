import { type SentFrame } from '../../../../src/transport/recovery/sent-packet.js';
import { type StreamSet } from '../../../../src/transport/stream/stream-set.js';
import { lose, packetOf, pattern } from '../../../support/stream-packet.js';
import { openOf, streamPair } from '../../../support/stream-pair.js';

const bulk = pattern(1_000_000);

function streamsOf(frames: readonly SentFrame[]): number[] {
  return frames.map((frame) => ('streamId' in frame ? frame.streamId : -1));
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
    expect(ids).toHaveLength(2);
    expect(ids).toContain(small);
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

  test('lost bytes of several streams are sent again in turn, before everything new', () => {
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

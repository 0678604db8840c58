import {
  acknowledge,
  lose,
  packetOf,
  pattern,
  receive,
  type StreamPacket,
} from '../../../support/stream-packet.js';
import { openOf, readAll, settle, streamPair } from '../../../support/stream-pair.js';

const bulk = pattern(1 << 20);

describe('frames', () => {
  test('fill the packet to the last byte, without a length field, when they are last in it', () => {
    for (let room = 20; room < 200; room++) {
      const { client } = streamPair();
      client.write(openOf(client), [bulk.subarray(0, 10_000)], false);
      expect(packetOf(client, room, true).length).toBe(room);
    }
    for (const room of [16_386, 16_390, 65_507]) {
      const { client } = streamPair();
      client.write(openOf(client), [bulk], false);
      expect(packetOf(client, room, true).length).toBe(room);
    }
  });

  test('carry a length when something may follow, and waste at most a byte', () => {
    for (const room of [20, 66, 67, 68, 100, 1_200, 16_386, 16_387, 16_388, 16_389, 16_390, 65_507]) {
      const { client, server } = streamPair();
      const id = openOf(client);
      client.write(id, [bulk], false);
      const packet = packetOf(client, room, false);
      expect(room - packet.length).toBeLessThanOrEqual(room > 16_385 && room < 16_390 ? 3 : 1);
      packet.writer.end = packet.length;
      receive(server, packet);
      const { length } = packet.frames[0] as { length: number };
      expect(readAll(server, id).bytes).toEqual(bulk.slice(0, length));
    }
  });

  test('several streams share a packet', () => {
    const { client, server } = streamPair();
    const ids = Array.from({ length: 20 }, () => openOf(client));
    for (const id of ids) client.write(id, [pattern(50, id)], true);
    const packet = packetOf(client);
    expect(packet.frames).toHaveLength(20);
    expect(packet.frames.map((frame) => (frame as { streamId: number }).streamId)).toEqual(ids);
    receive(server, packet);
    for (const id of ids) expect(readAll(server, id)).toEqual({ bytes: pattern(50, id), hasEnded: true });
  });

  describe('of a message that would be split between two packets', () => {
    /** What is in the first of the packets, of 1,200 bytes, when so many bytes stand before the message. */
    function firstPacket(bytesBefore: number, messageBytes: number): number[] {
      const { client } = streamPair();
      for (const [seed, bytes] of [bytesBefore, messageBytes].entries()) {
        client.write(openOf(client), [pattern(bytes, seed)], true);
      }
      return packetOf(client).frames.map((frame) => (frame as { length: number }).length);
    }

    test('none are sent before the next packet, where it fits whole, when this one is nearly full', () => {
      expect(firstPacket(1_060, 160)).toEqual([1_060]);
      expect(firstPacket(1_060, 130)).toEqual([1_060, 130]);
    });

    test('some fill the packet when more than an eighth of it would stay empty', () => {
      expect(firstPacket(1_000, 300)).toEqual([1_000, 1_200 - 1_000 - 6]);
    });

    test('some fill the packet when the next cannot hold it whole either', () => {
      expect(firstPacket(1_060, 1_200)).toEqual([1_060, 1_200 - 1_060 - 6]);
    });
  });

  test('nothing is written where not even a frame fits', () => {
    const { client } = streamPair();
    client.write(openOf(client), [pattern(10)], true);
    for (const room of [0, 1, 2]) {
      const packet = packetOf(client, room);
      expect([packet.length, packet.frames, packet.isAckEliciting]).toEqual([0, [], false]);
    }
    expect(packetOf(client, 3).frames).toEqual([
      { kind: 'stream', streamId: 0, offset: 0, length: 1, fin: false },
    ]);
  });

  test('a FIN fits where its frame just fits', () => {
    const { client } = streamPair();
    const fin = { kind: 'stream', streamId: 0, offset: 0, length: 0, fin: true };
    client.write(openOf(client), [], true);
    expect(packetOf(client, 1).frames).toEqual([]);
    const withoutLength = packetOf(client, 2, true);
    expect([withoutLength.length, withoutLength.frames]).toEqual([2, [fin]]);
    lose(client, withoutLength);
    expect(packetOf(client, 2, false).frames).toEqual([]);
    expect(packetOf(client, 3, false).frames).toEqual([fin]);
  });
});

describe('retransmission', () => {
  test('of a lost range is split to smaller packets', () => {
    const { client, server } = streamPair();
    const id = openOf(client);
    client.write(id, [bulk.subarray(0, 5_000)], true);
    lose(client, packetOf(client, 6_000));
    const frames = [];
    while (client.hasFramesToSend) {
      const packet = packetOf(client, 100);
      expect(packet.length).toBeLessThanOrEqual(100);
      frames.push(...packet.frames);
      receive(server, packet);
    }
    expect(frames.length).toBeGreaterThan(50);
    expect(readAll(server, id)).toEqual({ bytes: bulk.slice(0, 5_000), hasEnded: true });
  });

  test('of lost neighbours is merged into a larger packet', () => {
    const { client } = streamPair();
    client.write(openOf(client), [bulk.subarray(0, 2_000)], true);
    const packets = [
      packetOf(client, 500),
      packetOf(client, 500),
      packetOf(client, 500),
      packetOf(client, 1_000),
    ];
    for (const index of [2, 0, 3, 1]) lose(client, packets[index] as StreamPacket);
    expect(packetOf(client, 3_000).frames).toEqual([
      { kind: 'stream', streamId: 0, offset: 0, length: 2_000, fin: true },
    ]);
  });

  test('[REC-3] leaves out what was delivered meanwhile', () => {
    const { client } = streamPair();
    client.write(openOf(client), [bulk.subarray(0, 3_000)], false);
    const first = packetOf(client, 1_000);
    const second = packetOf(client, 1_000);
    const third = packetOf(client, 1_200);
    lose(client, first);
    lose(client, second);
    lose(client, third);
    acknowledge(client, second);
    const again = packetOf(client, 4_000).frames as { offset: number; length: number }[];
    const { offset: start, length } = second.frames[0] as { offset: number; length: number };
    expect(again.map((frame) => [frame.offset, frame.length])).toEqual([
      [0, start],
      [start + length, 3_000 - start - length],
    ]);
  });

  test('of a probed packet leaves out what a part of it has delivered', () => {
    const { client } = streamPair();
    client.write(openOf(client), [bulk.subarray(0, 3_000)], false);
    const whole = packetOf(client, 4_000);
    lose(client, whole);
    packetOf(client, 1_000);
    const middle = packetOf(client, 1_000);
    acknowledge(client, middle);
    lose(client, whole);
    const { offset: start, length } = middle.frames[0] as { offset: number; length: number };
    const again = packetOf(client, 4_000).frames as { offset: number; length: number }[];
    expect(again.map((frame) => [frame.offset, frame.length])).toEqual([
      [0, start],
      [start + length, 3_000 - start - length],
    ]);
  });

  test('lets go of everything in the end, in whatever order and size its packets are acknowledged', () => {
    const { client } = streamPair();
    client.write(openOf(client), [bulk.subarray(0, 5_000)], true);
    const whole = packetOf(client, 3_000);
    lose(client, whole);
    packetOf(client, 1_000);
    acknowledge(client, packetOf(client, 1_000));
    acknowledge(client, whole);
    const rest = [packetOf(client, 700), packetOf(client, 700), packetOf(client, 700), packetOf(client, 700)];
    for (const index of [1, 3, 2, 0]) acknowledge(client, rest[index] as StreamPacket);
    expect([client.sendBufferBytes, client.hasFramesToSend]).toEqual([0, false]);
  });

  test('of a FIN ends when the FIN was delivered, though bytes before it are missing', () => {
    const { client } = streamPair();
    client.write(openOf(client), [pattern(1_500)], true);
    packetOf(client, 1_000);
    const last = packetOf(client, 1_000);
    acknowledge(client, last);
    lose(client, last);
    expect(client.hasFramesToSend).toBe(false);
  });

  test('stops when a packet that was taken for lost arrives after all', () => {
    const { client } = streamPair();
    client.write(openOf(client), [pattern(500)], true);
    const packet = packetOf(client);
    lose(client, packet);
    acknowledge(client, packet);
    expect([client.hasFramesToSend, client.sendBufferBytes]).toEqual([false, 0]);
    lose(client, packet);
    expect(client.hasFramesToSend).toBe(false);
  });

  test('[FLC-5] goes before new bytes, and costs no credit', () => {
    const { client } = streamPair({ server: { connectionWindow: 1_500, streamWindow: 10_000 } });
    const id = openOf(client);
    client.write(id, [bulk.subarray(0, 2_000)], true);
    const first = packetOf(client, 1_000);
    packetOf(client, 1_000);
    expect(client.hasFramesToSend).toBe(true);
    expect(packetOf(client).frames).toEqual([{ kind: 'dataBlocked', limit: 1_500 }]);
    expect(client.hasFramesToSend).toBe(false);
    lose(client, first);
    expect(client.hasFramesToSend).toBe(true);
    expect(packetOf(client, 1_000).frames).toEqual(first.frames);
    lose(client, first);
    client.onMaxData(2_000);
    expect(packetOf(client, 2_000).frames).toEqual([
      ...first.frames,
      { kind: 'stream', streamId: 0, offset: 1_500, length: 500, fin: true },
    ]);
  });

  test('[REC-3] of a lost FIN goes with its bytes, or alone', () => {
    const { client, server } = streamPair();
    const id = openOf(client);
    client.write(id, [pattern(100)], true);
    const packet = packetOf(client);
    lose(client, packet);
    const again = packetOf(client);
    expect(again.frames).toEqual(packet.frames);
    receive(server, again);
    expect(readAll(server, id).hasEnded).toBe(true);

    const other = openOf(client);
    client.write(other, [pattern(100)], false);
    acknowledge(client, packetOf(client));
    client.write(other, [], true);
    lose(client, packetOf(client));
    expect(packetOf(client).frames).toEqual([
      { kind: 'stream', streamId: other, offset: 100, length: 0, fin: true },
    ]);
  });
});

describe('a FIN without bytes', () => {
  test('needs no credit of the stream nor of the connection', () => {
    const { client } = streamPair({ server: { connectionWindow: 100, streamWindow: 100 } });
    const id = openOf(client);
    client.write(id, [pattern(100)], false);
    acknowledge(client, packetOf(client));
    client.write(id, [], true);
    expect(packetOf(client).frames).toEqual([
      { kind: 'stream', streamId: 0, offset: 100, length: 0, fin: true },
    ]);
    const other = openOf(client);
    client.write(other, [], true);
    expect(packetOf(client).frames).toEqual([
      { kind: 'stream', streamId: other, offset: 0, length: 0, fin: true },
    ]);
  });

  test('waits for the bytes before it', () => {
    const { client } = streamPair({ server: { connectionWindow: 50 } });
    client.write(openOf(client), [pattern(100)], true);
    expect(packetOf(client).frames).toEqual([
      { kind: 'stream', streamId: 0, offset: 0, length: 50, fin: false },
    ]);
  });
});

describe('the send buffer', () => {
  test('takes what there is room for, and calls when a quarter of it is free again', () => {
    const pair = streamPair({ client: { sendBufferPerStream: 4_000 } });
    const { client, server, clientEvents } = pair;
    const id = openOf(client);
    expect(client.write(id, [bulk.subarray(0, 3_000), bulk.subarray(3_000, 5_000)], true)).toBe(4_000);
    expect(client.write(id, [bulk.subarray(4_000, 5_000)], true)).toBe(0);
    const packets = [packetOf(client, 500), packetOf(client, 500), packetOf(client, 500)];
    for (const packet of packets) receive(server, packet);
    acknowledge(client, packets[0] as StreamPacket);
    acknowledge(client, packets[2] as StreamPacket);
    expect(clientEvents).toEqual([]);
    acknowledge(client, packets[1] as StreamPacket);
    expect(clientEvents).toEqual([{ kind: 'streamWritable', streamId: id }]);
    expect(client.write(id, [bulk.subarray(4_000, 5_000)], true)).toBe(1_000);
    settle(pair);
    expect(clientEvents).toHaveLength(1);
    expect(readAll(server, id)).toEqual({ bytes: bulk.slice(0, 5_000), hasEnded: true });
  });

  test('does not call a writer whose bytes were all taken', () => {
    const pair = streamPair({ client: { sendBufferPerStream: 4_000 } });
    const id = openOf(pair.client);
    expect(pair.client.write(id, [bulk.subarray(0, 4_000)], false)).toBe(4_000);
    settle(pair);
    expect(pair.clientEvents).toEqual([]);
  });

  test('is shared: who was cut short by others is called when they let go', () => {
    const pair = streamPair({ client: { sendBufferPerStream: 4_000, sendBufferPerConnection: 6_000 } });
    const { client, clientEvents } = pair;
    const [first, second, third] = [openOf(client), openOf(client), openOf(client)];
    expect(client.write(first, [bulk.subarray(0, 4_000)], false)).toBe(4_000);
    expect(client.write(second, [bulk.subarray(0, 4_000)], false)).toBe(2_000);
    expect(client.write(third, [bulk.subarray(0, 4_000)], false)).toBe(0);
    expect(client.sendBufferBytes).toBe(6_000);
    client.reset(first, 0);
    expect(clientEvents).toEqual([
      { kind: 'streamWritable', streamId: second },
      { kind: 'streamWritable', streamId: third },
    ]);
    expect(client.write(second, [bulk.subarray(2_000, 4_000)], true)).toBe(2_000);
    expect(client.write(third, [bulk.subarray(0, 4_000)], true)).toBe(2_000);
    settle(pair);
    expect(clientEvents.slice(2)).toEqual([{ kind: 'streamWritable', streamId: third }]);
  });
});

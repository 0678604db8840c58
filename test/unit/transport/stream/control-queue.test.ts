import { acknowledge, lose, packetOf, pattern, StreamPacket } from '../../../support/stream-packet.js';
import { openOf, readAll, streamPair } from '../../../support/stream-pair.js';

describe('being blocked', () => {
  test('[FLC-4] by the limit of a stream is said once for each limit, and again when that was lost', () => {
    const { client } = streamPair({ server: { streamWindow: 100 } });
    const id = openOf(client);
    client.write(id, [pattern(1_000)], false);
    expect(packetOf(client).frames.map(({ kind }) => kind)).toEqual(['stream']);
    const blocked = packetOf(client);
    expect(blocked.frames).toEqual([{ kind: 'streamDataBlocked', streamId: id, limit: 100 }]);
    client.write(id, [pattern(1_000)], false);
    expect(client.hasFramesToSend).toBe(false);
    lose(client, blocked);
    expect(packetOf(client).frames).toEqual(blocked.frames);
    client.onMaxStreamData(id, 200);
    lose(client, blocked);
    expect(packetOf(client).frames).toEqual([
      { kind: 'stream', streamId: id, offset: 100, length: 100, fin: false },
    ]);
    expect(packetOf(client).frames).toEqual([{ kind: 'streamDataBlocked', streamId: id, limit: 200 }]);
  });

  test('[FLC-4] by the limit of the connection is said also when it was reached by others', () => {
    const { client } = streamPair({ server: { connectionWindow: 100 } });
    client.write(openOf(client), [pattern(100)], false);
    expect(packetOf(client).frames).toHaveLength(1);
    expect(client.hasFramesToSend).toBe(false);
    client.write(openOf(client), [pattern(10)], false);
    const blocked = packetOf(client);
    expect(blocked.frames).toEqual([{ kind: 'dataBlocked', limit: 100 }]);
    client.onMaxData(105);
    lose(client, blocked);
    expect(packetOf(client).frames).toEqual([
      { kind: 'stream', streamId: 2, offset: 0, length: 5, fin: false },
    ]);
  });

  test('is not said when it has passed before the packet leaves', () => {
    const { client } = streamPair({ server: { streamWindow: 100, maxStreams: 1 } });
    const id = openOf(client);
    client.write(id, [pattern(1_000)], false);
    packetOf(client);
    client.open();
    client.onMaxStreamData(id, 100_000);
    client.onMaxStreams(5);
    expect(packetOf(client).frames.map(({ kind }) => kind)).toEqual(['stream']);
  });

  test('by the limit of the connection is said for a stream that never had its turn', () => {
    const { client } = streamPair({ server: { connectionWindow: 100 } });
    client.write(openOf(client), [pattern(100)], true);
    client.write(openOf(client), [pattern(10)], true);
    expect(packetOf(client).frames).toHaveLength(1);
    expect(packetOf(client).frames).toEqual([{ kind: 'dataBlocked', limit: 100 }]);
  });

  test('of the connection or of new streams is said again when that was lost', () => {
    const { client } = streamPair({ server: { connectionWindow: 100, maxStreams: 1 } });
    client.write(openOf(client), [pattern(200)], false);
    client.open();
    packetOf(client);
    const data = packetOf(client);
    expect(data.frames).toEqual([{ kind: 'dataBlocked', limit: 100 }]);
    lose(client, data);
    expect(packetOf(client).frames).toEqual(data.frames);
    client.onLost({ kind: 'streamsBlocked', limit: 1 });
    expect(packetOf(client).frames).toEqual([{ kind: 'streamsBlocked', limit: 1 }]);
    client.onLost({ kind: 'dataBlocked', limit: 99 });
    client.onLost({ kind: 'streamsBlocked', limit: 0 });
    expect(client.hasFramesToSend).toBe(false);
  });

  test('by the connection is not said when its limit went up before the packet leaves', () => {
    const { client } = streamPair({ server: { connectionWindow: 100 } });
    client.write(openOf(client), [pattern(200)], false);
    packetOf(client);
    client.onMaxData(200);
    expect(packetOf(client).frames.map(({ kind }) => kind)).toEqual(['stream']);
  });

  test('is not said in the first flight: the real limits are on their way', () => {
    const { client } = streamPair({ isFirstFlight: true });
    client.write(openOf(client), [pattern(100_000)], false);
    while (client.open() !== undefined);
    while (client.hasFramesToSend)
      expect(packetOf(client).frames.map(({ kind }) => kind)).toEqual(['stream']);
  });
});

describe('room', () => {
  test('control frames that do not fit wait for the next packet, and none is lost', () => {
    const { client } = streamPair();
    const ids = Array.from({ length: 30 }, () => openOf(client));
    for (const id of ids) {
      client.reset(id, 1);
      client.stop(id, 1);
    }
    const kinds: string[] = [];
    for (let i = 0; client.hasFramesToSend; i++) {
      const packet = packetOf(client, 7);
      expect(packet.frames).toHaveLength(packet.decode().length);
      expect(packet.length).toBeGreaterThan(0);
      kinds.push(...packet.frames.map(({ kind }) => kind));
      expect(i).toBeLessThan(100);
    }
    expect(kinds.filter((kind) => kind === 'resetStream')).toHaveLength(30);
    expect(kinds.filter((kind) => kind === 'stopSending')).toHaveLength(30);
  });

  test('a limit is raised only when its frame is written', () => {
    const { server } = streamPair({ server: { streamWindow: 1_000, connectionWindow: 1_000 } });
    server.onStreamFrame(0, 0, pattern(1_000), false, false);
    readAll(server, 0);
    const narrow = new StreamPacket(2);
    server.writeControl(narrow, 0);
    expect(narrow.length).toBe(0);
    expect(() => {
      server.onStreamFrame(0, 1_000, pattern(1), false, false);
    }).toThrow('limit');
  });
});

test('frames about a retired stream are not written', () => {
  const { client } = streamPair();
  const id = openOf(client);
  client.write(id, [pattern(1)], true);
  acknowledge(client, packetOf(client));
  client.stop(id, 0);
  client.onStreamFrame(id, 0, pattern(5), true, false);
  expect([client.openCount, client.hasFramesToSend]).toEqual([0, false]);
});

import { BufferBudget } from '../../../../src/transport/stream/buffer-budget.js';
import { ChunkPool } from '../../../../src/transport/stream/chunk-pool.js';
import { acknowledge, lose, packetOf, pattern, receive } from '../../../support/stream-packet.js';
import { openOf, readAll, settle, streamPair } from '../../../support/stream-pair.js';

describe('reset', () => {
  test('[STR-5] drops what is held at once, and tells the peer how much was sent', () => {
    const pool = new ChunkPool(new BufferBudget());
    const { client, server, serverEvents } = streamPair({ pool });
    const id = openOf(client);
    client.write(id, [pattern(5_000)], true);
    const data = packetOf(client, 1_003);
    receive(server, data);
    client.reset(id, 7);
    client.reset(id, 8);
    expect([client.sendBufferBytes, pool.usedBytes]).toEqual([0, 0]);
    const reset = packetOf(client);
    expect(reset.decode()).toEqual([expect.objectContaining({ streamId: id, code: 7, finalSize: 1_001 })]);
    expect(client.hasFramesToSend).toBe(false);
    lose(client, data);
    acknowledge(client, data);
    expect(client.hasFramesToSend).toBe(false);
    receive(server, reset);
    receive(server, reset);
    expect(serverEvents.at(-1)).toEqual({ kind: 'streamReset', streamId: id, code: 7 });
    expect(serverEvents.filter(({ kind }) => kind === 'streamReset')).toHaveLength(1);
    expect([server.read(id), server.receiveBufferBytes]).toEqual([undefined, 0]);
  });

  test('[REC-3] [STR-7] is sent until it is acknowledged, and retires its half', () => {
    const pair = streamPair();
    const { client, server } = pair;
    const id = openOf(client);
    client.reset(id, 1);
    lose(client, packetOf(client));
    settle(pair);
    server.write(id, [], true);
    settle(pair);
    expect(server.openCount).toBe(0);
    expect(client.openCount).toBe(1);
    readAll(client, id);
    expect(client.openCount).toBe(0);
    lose(client, packetOf(client));
    expect(client.hasFramesToSend).toBe(false);
  });

  test('[REC-3] is not sent again when it was delivered after all', () => {
    const { client } = streamPair();
    client.reset(openOf(client), 1);
    const packet = packetOf(client);
    lose(client, packet);
    acknowledge(client, packet);
    expect(client.hasFramesToSend).toBe(false);
    lose(client, packet);
    expect(client.hasFramesToSend).toBe(false);
  });

  test('[FLC-3] gives the window of the connection back, for bytes that never came too', () => {
    const { client, server } = streamPair({ server: { connectionWindow: 1_000, streamWindow: 1_000 } });
    const id = openOf(client);
    client.write(id, [pattern(600)], false);
    packetOf(client);
    client.reset(id, 0);
    receive(server, packetOf(client));
    expect(server.receiveBufferBytes).toBe(0);
    expect(packetOf(server).frames).toEqual([{ kind: 'maxData', limit: 1_600 }]);
  });

  test('[STR-5] does not take away what had arrived whole', () => {
    const { client, server, serverEvents } = streamPair();
    const id = openOf(client);
    client.write(id, [pattern(600)], true);
    receive(server, packetOf(client));
    client.reset(id, 0);
    receive(server, packetOf(client));
    expect(serverEvents.map(({ kind }) => kind)).toEqual(['streamOpened', 'streamReadable']);
    expect(readAll(server, id)).toEqual({ bytes: pattern(600), hasEnded: true });
  });

  test('what is written after it is taken and dropped', () => {
    const { client } = streamPair();
    const id = openOf(client);
    client.reset(id, 0);
    expect(client.write(id, [pattern(10)], true)).toBe(10);
    expect([client.sendBufferBytes, packetOf(client).frames.length]).toEqual([0, 1]);
  });
});

describe('stop', () => {
  test('[FLC-3] [REC-3] drops what is there and what comes, gives its window back, and asks the peer once', () => {
    const pair = streamPair({ server: { connectionWindow: 1_000, streamWindow: 1_000 } });
    const { client, server, clientEvents } = pair;
    const id = openOf(client);
    client.write(id, [pattern(900)], false);
    receive(server, packetOf(client, 303));
    server.stop(id, 5);
    server.stop(id, 6);
    expect([server.receiveBufferBytes, server.read(id)]).toEqual([0, undefined]);
    const stop = packetOf(server);
    expect(stop.frames).toEqual([{ kind: 'stopSending', streamId: id }]);
    lose(server, stop);
    receive(server, packetOf(client));
    expect(server.receiveBufferBytes).toBe(0);
    settle(pair);
    expect(clientEvents).toEqual([{ kind: 'streamStopped', streamId: id, code: 5 }]);
    receive(client, stop);
    expect(clientEvents).toHaveLength(1);
    expect(client.sendBufferBytes).toBe(0);
  });

  test('[REC-3] is not sent again for another stop, nor when the end has come meanwhile', () => {
    const { server } = streamPair();
    server.onStreamFrame(0, 0, pattern(10), false, false);
    server.stop(0, 5);
    const stop = packetOf(server);
    server.stop(0, 5);
    expect(server.hasFramesToSend).toBe(false);
    lose(server, stop);
    server.onStreamFrame(0, 10, new Uint8Array(0), true, false);
    expect(server.hasFramesToSend).toBe(false);
  });

  test('[STR-6] a stopped half stays until the application resets it', () => {
    const pair = streamPair({ server: { maxStreams: 1 } });
    const { client, server, serverEvents } = pair;
    const id = openOf(client);
    client.write(id, [pattern(10)], false);
    client.reset(id, 1);
    client.stop(id, 1);
    settle(pair);
    expect(serverEvents.map(({ kind }) => kind)).toEqual(['streamOpened', 'streamReset', 'streamStopped']);
    expect(server.write(id, [pattern(100)], false)).toBe(100);
    settle(pair);
    expect([client.openCount, server.openCount, client.open()]).toEqual([1, 1, undefined]);
    server.reset(id, 1);
    settle(pair);
    expect([client.openCount, server.openCount, client.open()]).toEqual([0, 0, 2]);
  });

  test('a handler that finishes although it was stopped releases the stream too', () => {
    const pair = streamPair();
    const { client, server } = pair;
    const id = openOf(client);
    client.write(id, [pattern(10)], true);
    client.stop(id, 1);
    settle(pair);
    readAll(server, id);
    expect(server.write(id, [pattern(100)], true)).toBe(100);
    settle(pair);
    expect([client.openCount, server.openCount, server.sendBufferBytes]).toEqual([0, 0, 0]);
  });

  test('[STR-6] a half that had finished answers by itself, without an event', () => {
    const pool = new ChunkPool(new BufferBudget());
    const { client, server, clientEvents } = streamPair({ pool });
    const id = openOf(client);
    client.write(id, [pattern(5_000)], true);
    receive(server, packetOf(client));
    server.stop(id, 3);
    receive(client, packetOf(server));
    expect([clientEvents, client.sendBufferBytes, pool.usedBytes]).toEqual([[], 0, 0]);
    const answer = packetOf(client);
    expect(answer.frames).toEqual([{ kind: 'resetStream', streamId: id }]);
    receive(server, answer);
    server.reset(id, 3);
    acknowledge(server, packetOf(server));
    expect(server.openCount).toBe(0);
  });

  test('of a stream that has arrived whole is not sent', () => {
    const { client, server } = streamPair();
    const id = openOf(client);
    client.write(id, [pattern(10)], true);
    receive(server, packetOf(client));
    server.stop(id, 3);
    expect([server.hasFramesToSend, server.receiveBufferBytes]).toEqual([false, 0]);
    server.reset(id, 3);
    acknowledge(server, packetOf(server));
    expect(server.openCount).toBe(0);
  });

  test('[REC-3] lost bytes of a stopped half are not sent again', () => {
    const { client } = streamPair();
    const id = openOf(client);
    client.write(id, [pattern(10)], false);
    const data = packetOf(client);
    client.onStopSending(id, 0);
    lose(client, data);
    acknowledge(client, data);
    expect([client.hasFramesToSend, client.sendBufferBytes]).toEqual([false, 0]);
  });

  test('calls a writer that waited for others', () => {
    const { client, clientEvents } = streamPair({ client: { sendBufferPerConnection: 1_000 } });
    const [first, second] = [openOf(client), openOf(client)];
    client.write(first, [pattern(1_000)], false);
    client.write(second, [pattern(1_000)], false);
    client.onStopSending(first, 2);
    expect(clientEvents).toEqual([
      { kind: 'streamWritable', streamId: second },
      { kind: 'streamStopped', streamId: first, code: 2 },
    ]);
  });
});

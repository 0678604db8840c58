import { type StreamSet } from '../../../../src/transport/stream/stream-set.js';
import { acknowledge, packetOf, pattern } from '../../../support/stream-packet.js';
import { openOf, streamPair } from '../../../support/stream-pair.js';

const MIB = 1 << 20;
const bulk = pattern(MIB);

/** Opens streams and writes to each as much as it takes, until one takes nothing. */
function fill(client: StreamSet): number[] {
  const ids: number[] = [];
  for (;;) {
    const id = openOf(client);
    ids.push(id);
    if (client.write(id, [bulk], false) < 100_000) return ids;
  }
}

describe('WriteRoom', () => {
  test('a small call finds room while bulk fills the buffer', () => {
    const { client } = streamPair();
    fill(client);
    for (let i = 0; i < 50; i++) expect(client.write(openOf(client), [pattern(10_000)], true)).toBe(10_000);
    expect(client.sendBufferBytes).toBeLessThanOrEqual(8 * MIB);
  });

  test('a large call begins at once, and goes on when what it holds is acknowledged', () => {
    const { client, clientEvents } = streamPair();
    fill(client);
    const id = openOf(client);
    expect(client.write(id, [pattern(100_000)], true)).toBe(16_384);
    while (client.hasFramesToSend) {
      for (const frame of packetOf(client).frames) {
        if ('streamId' in frame && frame.streamId === id) client.onDelivered(frame);
      }
    }
    expect(clientEvents).toEqual([{ kind: 'streamWritable', streamId: id }]);
    expect(client.write(id, [pattern(83_616)], true)).toBe(16_384);
  });

  test('the buffers of the streams and of all together are never passed', () => {
    const { client } = streamPair({
      client: { sendBufferPerStream: 30_000, sendBufferPerConnection: 100_000 },
    });
    for (let i = 0; i < 100; i++)
      expect(client.write(openOf(client), [bulk], false)).toBeLessThanOrEqual(30_000);
    expect(client.sendBufferBytes).toBe(100_000);
  });

  test('who waits for others is served in turn', () => {
    const { client, clientEvents } = streamPair({
      client: { sendBufferPerStream: 100_000, sendBufferPerConnection: 400_000 },
    });
    const ids = Array.from({ length: 10 }, () => openOf(client));
    for (const id of ids) client.write(id, [bulk], false);
    const served = new Map<number, number>(ids.map((id) => [id, 0]));
    for (let i = 0; i < 4_000; i++) {
      acknowledge(client, packetOf(client));
      for (const event of clientEvents.splice(0)) {
        if (event.kind !== 'streamWritable') continue;
        const taken = client.write(event.streamId, [bulk], false);
        served.set(event.streamId, (served.get(event.streamId) ?? 0) + taken);
      }
    }
    const bytes = [...served.values()];
    expect(Math.min(...bytes)).toBeGreaterThan(Math.max(...bytes) / 3);
  });

  test('one that was called and does not write holds up nobody', () => {
    const { client, clientEvents } = streamPair({
      client: { sendBufferPerStream: 10_000, sendBufferPerConnection: 10_000 },
    });
    const ids = Array.from({ length: 5 }, () => openOf(client));
    for (const id of ids) client.write(id, [pattern(10_000)], false);
    client.reset(ids[0] as number, 0);
    expect(clientEvents).toEqual(ids.slice(1).map((streamId) => ({ kind: 'streamWritable', streamId })));
  });

  test('who is called and finds the room taken keeps its turn', () => {
    const { client, clientEvents } = streamPair({
      client: { sendBufferPerStream: 10_000, sendBufferPerConnection: 10_000 },
    });
    const [first, second, third] = [openOf(client), openOf(client), openOf(client)];
    for (const id of [first, second, third]) client.write(id, [pattern(15_000)], false);
    client.reset(first, 0);
    expect(client.write(second, [pattern(15_000)], false)).toBe(10_000);
    expect(client.write(third, [pattern(15_000)], false)).toBe(0);
    clientEvents.length = 0;
    while (client.hasFramesToSend) acknowledge(client, packetOf(client));
    const [next] = clientEvents;
    expect(next).toEqual({ kind: 'streamWritable', streamId: third });
  });

  test('a writer that was called and one that wrote unasked are not called again', () => {
    const { client, clientEvents } = streamPair({
      client: { sendBufferPerStream: 1_000, sendBufferPerConnection: 1_500 },
    });
    const [first, second] = [openOf(client), openOf(client)];
    client.write(first, [pattern(1_000)], false);
    expect(client.write(second, [pattern(1_000)], false)).toBe(500);
    expect(client.write(second, [], false)).toBe(0);
    client.reset(first, 0);
    expect(clientEvents).toEqual([]);
  });
});

import { BufferBudget } from '../../../../src/transport/stream/buffer-budget.js';
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

  test('the buffers follow the congestion window, up and down', () => {
    const path = { smoothedRttMs: undefined, congestionWindow: 3 * MIB };
    const { client, clientEvents } = streamPair({
      path,
      server: { streamWindow: 64 * MIB, connectionWindow: 64 * MIB },
    });
    const id = openOf(client);
    const written = Array.from({ length: 10 }, () => client.write(id, [bulk], false));
    expect(written.reduce((sum, taken) => sum + taken, 0)).toBe(6 * MIB);
    path.congestionWindow = 10_000;
    expect(client.write(id, [bulk], false)).toBe(0);
    expect(client.sendBufferBytes).toBe(6 * MIB);
    while (clientEvents.length === 0) acknowledge(client, packetOf(client));
    // Called when a quarter of the 1 MiB is free that it always has.
    expect(client.sendBufferBytes).toBeGreaterThan(0.74 * MIB);
    expect(client.sendBufferBytes).toBeLessThanOrEqual(0.75 * MIB);
    path.congestionWindow = 1 << 30;
    for (let i = 0; i < 20; i++) client.write(id, [bulk], false);
    expect(client.sendBufferBytes).toBe(16 * MIB);
  });

  test('a writer that waits is called when its connection has let go of what it may always hold, with no memory left', () => {
    const { client, clientEvents } = streamPair({ budget: new BufferBudget(0) });
    const holder = openOf(client);
    expect(client.write(holder, [bulk], false)).toBe(65_536);
    const waiting = openOf(client);
    expect(client.write(waiting, [pattern(100)], true)).toBe(0);
    while (client.hasFramesToSend) acknowledge(client, packetOf(client));
    expect(clientEvents).toContainEqual({ kind: 'streamWritable', streamId: waiting });
  });

  test('a writer with nothing under way waits for memory until it is called, and no longer', () => {
    const budget = new BufferBudget(200_000);
    const { client, clientEvents } = streamPair({ budget });
    budget.hold(150_000);
    client.write(openOf(client), [bulk], false);
    expect(client.hasStarvedWriter).toBe(false);
    const waiting = openOf(client);
    expect(client.write(waiting, [pattern(100)], true)).toBe(0);
    expect(client.hasStarvedWriter).toBe(true);
    budget.release(150_000);
    expect(clientEvents).toContainEqual({ kind: 'streamWritable', streamId: waiting });
    expect(client.hasStarvedWriter).toBe(false);
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

  /** The buffer of all streams is full; `first` and `second` hold 1,000 bytes each and want more. */
  function fullBuffer(): { client: StreamSet; called: () => number[]; ids: Record<string, number> } {
    const { client, clientEvents } = streamPair({
      client: { sendBufferPerStream: 60_000, sendBufferPerConnection: 80_000 },
    });
    const ids: Record<string, number> = {};
    const held = {
      first: 1_000,
      second: 1_000,
      large: 30_000,
      medium: 12_000,
      little: 4_000,
      a: 16_000,
      b: 16_000,
    };
    for (const [name, length] of Object.entries(held)) {
      ids[name] = openOf(client);
      expect(client.write(ids[name], [bulk.subarray(0, length)], false)).toBe(length);
    }
    for (const id of [ids['first'], ids['second']]) expect(client.write(id as number, [bulk], false)).toBe(0);
    const called = (): number[] =>
      clientEvents.splice(0).map((event) => (event.kind === 'streamWritable' ? event.streamId : -1));
    return { client, called, ids };
  }

  test('who is called and finds the room taken keeps its turn, who was served goes behind', () => {
    const { client, called, ids } = fullBuffer();
    const { first, second, medium, large } = ids as Record<'first' | 'second' | 'medium' | 'large', number>;
    client.reset(medium, 0);
    expect(called()).toEqual([first, second]);
    expect([client.write(first, [bulk], false), client.write(second, [bulk], false)]).toEqual([12_000, 0]);
    client.reset(large, 0);
    expect(called()).toEqual([second, first]);
  });

  test('nobody is called for a little', () => {
    const { client, called, ids } = fullBuffer();
    client.reset(ids['little'] as number, 0);
    expect(called()).toEqual([]);
  });

  test('nobody is called whose own buffer is nearly full', () => {
    const { client, clientEvents } = streamPair({
      client: { sendBufferPerStream: 10_000, sendBufferPerConnection: 12_000 },
    });
    const [other, id] = [openOf(client), openOf(client)];
    client.write(other, [pattern(3_000)], false);
    expect(client.write(id, [pattern(10_000)], false)).toBe(9_000);
    client.reset(other, 0);
    expect(clientEvents).toEqual([]);
  });

  test('who has waited for itself waits for others when they were faster', () => {
    const { client, clientEvents } = streamPair({
      client: { sendBufferPerStream: 10_000, sendBufferPerConnection: 12_000 },
    });
    const [id, other] = [openOf(client), openOf(client)];
    expect(client.write(id, [pattern(15_000)], false)).toBe(10_000);
    client.write(other, [pattern(2_000)], false);
    for (let i = 0; i < 5; i++) {
      for (const frame of packetOf(client, 1_200).frames) {
        if ('streamId' in frame && frame.streamId === id) client.onDelivered(frame);
      }
      client.write(other, [pattern(2_000)], false);
    }
    expect(clientEvents.filter((event) => 'streamId' in event && event.streamId === id)).toEqual([]);
    clientEvents.length = 0;
    client.reset(other, 0);
    expect(clientEvents).toEqual([{ kind: 'streamWritable', streamId: id }]);
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

import fc from 'fast-check';
import { createInMemoryPair, type InMemoryOptions } from '../../../src/rpc/in-memory.js';
import {
  type ConnectHandler,
  type Listening,
  type StreamListener,
  type StreamTransport,
} from '../../../src/rpc/stream-transport.js';
import { ManualClock, settle } from '../../support/manual-clock.js';

/** Writes down what an end is told; reads only when the test says so. */
class Recorder implements StreamListener {
  readonly transport: StreamTransport;
  readonly log: string[] = [];

  constructor(transport: StreamTransport) {
    this.transport = transport;
  }

  onReady(): void {
    this.log.push('ready');
  }
  onStreamsAvailable(): void {
    this.log.push('streams');
  }
  onStreamOpened(streamId: number, isFirstFlight: boolean): void {
    this.log.push(`opened ${streamId}${isFirstFlight ? ' first flight' : ''}`);
  }
  onStreamReadable(streamId: number): void {
    this.log.push(`readable ${streamId}`);
  }
  onStreamWritable(streamId: number): void {
    this.log.push(`writable ${streamId}`);
  }
  onStreamReset(streamId: number, code: number): void {
    this.log.push(`reset ${streamId} ${code}`);
  }
  onStreamStopped(streamId: number, code: number): void {
    this.log.push(`stopped ${streamId} ${code}`);
  }
  onClosed(closed: { by: string; code: number; reason: string }): void {
    this.log.push(`closed ${closed.by} ${closed.code} ${closed.reason}`);
  }

  /** What was told since the last time. */
  async told(): Promise<string[]> {
    await settle();
    await settle();
    return this.log.splice(0);
  }

  read(streamId: number): number[] | 'end' | undefined {
    const chunk = this.transport.readStream(streamId);
    return chunk === undefined || chunk === 'end' ? chunk : [...chunk];
  }

  /** All that there is, and whether it is the end. */
  readAll(streamId: number): { bytes: number[]; isEnd: boolean } {
    const bytes: number[] = [];
    for (let chunk = this.read(streamId); chunk !== undefined; chunk = this.read(streamId)) {
      if (chunk === 'end') return { bytes, isEnd: true };
      bytes.push(...chunk);
    }
    return { bytes, isEnd: false };
  }

  write(streamId: number, bytes: number[], fin = false): number {
    return this.transport.writeStream(streamId, [Uint8Array.from(bytes)], fin);
  }
}

interface Pair {
  readonly client: Recorder;
  readonly server: Recorder;
  readonly listening: Listening;
}

async function connecting(options: Partial<InMemoryOptions> = {}): Promise<Pair> {
  const { connector, acceptor } = createInMemoryPair({ clock: new ManualClock(), ...options });
  let server: Recorder | undefined;
  const listening = await acceptor.listen(
    '127.0.0.1:7000',
    (transport) => (server = new Recorder(transport)),
  );
  const client = await new Promise<Recorder>((resolve, reject) => {
    connector.connect({
      onTransport(transport) {
        const recorder = new Recorder(transport);
        resolve(recorder);
        return recorder;
      },
      onFailed: reject,
    });
  });
  if (server === undefined) throw new Error('the server was not told');
  return { client, server, listening };
}

async function connected(options: Partial<InMemoryOptions> = {}): Promise<Pair> {
  const pair = await connecting(options);
  await pair.client.told();
  await pair.server.told();
  return pair;
}

/** A stream of which the server knows. */
async function opened(pair: Pair): Promise<number> {
  const streamId = pair.client.transport.openStream() ?? -1;
  pair.client.write(streamId, []);
  await pair.server.told();
  return streamId;
}

describe('connecting', () => {
  test('gives both ends a transport, and tells them later that it is ready', async () => {
    const { client, server, listening } = await connecting();
    expect(listening.port).toBe(7000);
    expect(client.transport.peer).toBe('127.0.0.1:7000');
    expect(server.transport.peer).toBe('127.0.0.1:50000');
    expect(client.transport.isReady).toBe(false);
    expect(await client.told()).toEqual(['ready']);
    expect(await server.told()).toEqual(['ready']);
    expect(client.transport.isReady).toBe(true);
  });

  test.each<[string, string, (listening: Listening) => Promise<void> | void]>([
    ['nobody listens any more', 'no server listens in this process', (listening) => listening.close()],
    [
      'the server refuses',
      'the server in this process refuses new connections',
      (listening) => {
        listening.refuseNew();
      },
    ],
  ])('fails when %s, not before the call has returned', async (_name, reason, act) => {
    const { connector, acceptor } = createInMemoryPair({ clock: new ManualClock() });
    const listening = await acceptor.listen('x:0', (transport) => new Recorder(transport));
    expect(listening.port).toBe(1);
    await act(listening);
    const failures: string[] = [];
    const handler: ConnectHandler = {
      onTransport() {
        throw new Error('not expected');
      },
      onFailed: ({ reason: why }) => failures.push(why),
    };
    connector.connect(handler);
    connector.connect(handler).cancel();
    expect(failures).toEqual([]);
    await settle();
    expect(failures).toEqual([reason]);
    await connector.close();
  });

  test('[AMO-4] tells the client which server it is, another one each time that one listens', async () => {
    const { connector, acceptor } = createInMemoryPair({ clock: new ManualClock() });
    const incarnationOfNext = async (): Promise<string | undefined> => {
      let client: Recorder | undefined;
      connector.connect({
        onTransport: (transport) => (client = new Recorder(transport)),
        onFailed: () => undefined,
      });
      await settle();
      await client?.told();
      return client?.transport.peerIncarnation;
    };
    const accept = (transport: StreamTransport): Recorder => new Recorder(transport);
    const listening = await acceptor.listen('127.0.0.1:7000', accept);
    const first = await incarnationOfNext();
    const again = await incarnationOfNext();
    await listening.close();
    await acceptor.listen('127.0.0.1:7000', accept);
    const other = await incarnationOfNext();
    expect(first).toMatch(/^[0-9a-f]{16}$/);
    expect([again === first, other === first]).toEqual([true, false]);
    const { client, server } = await connecting();
    expect(client.transport.peerIncarnation).toBeUndefined();
    await client.told();
    expect([client.transport.peerIncarnation, server.transport.peerIncarnation]).toEqual([first, undefined]);
  });

  test('is possible for one server at a time', async () => {
    const { acceptor } = createInMemoryPair({ clock: new ManualClock() });
    const accept = (transport: StreamTransport): StreamListener => new Recorder(transport);
    const first = await acceptor.listen('a:1', accept);
    await expect(acceptor.listen('b:2', accept)).rejects.toThrow(
      'b:2: a server of this in-memory pair listens',
    );
    await first.close();
    await acceptor.listen('b:2', accept);
  });
});

describe('streams', () => {
  test('what is written before the connection is ready comes as first flight', async () => {
    const { client, server } = await connecting();
    const first = client.transport.openStream() ?? -1;
    client.write(first, [1], true);
    await client.told();
    const second = client.transport.openStream() ?? -1;
    client.write(second, [2], true);
    const told = await server.told();
    expect(told).toEqual(['ready', 'opened 0 first flight', 'readable 0', 'opened 2', 'readable 2']);
  });

  test('nothing is told from within a call, and bytes are taken before it returns', async () => {
    const { client, server } = await connected();
    const bytes = Uint8Array.of(1, 2, 3);
    const streamId = client.transport.openStream() ?? -1;
    expect(client.transport.writeStream(streamId, [bytes, bytes.subarray(1)], true)).toBe(5);
    bytes.fill(9);
    expect(server.log).toEqual([]);
    expect(await server.told()).toEqual(['opened 0', 'readable 0']);
    expect(server.read(0)).toEqual([1, 2, 3, 2, 3]);
    expect(server.read(0)).toBe('end');
    expect(server.read(0)).toBeUndefined();
  });

  test('are announced in order, also those that were opened and not yet used', async () => {
    const { client, server } = await connected();
    client.transport.openStream();
    client.write(client.transport.openStream() ?? -1, [1]);
    expect(await server.told()).toEqual(['opened 0', 'opened 2', 'readable 2']);
  });

  test('a reader is told once until it has read', async () => {
    const pair = await connected();
    const streamId = await opened(pair);
    pair.client.write(streamId, [1]);
    pair.client.write(streamId, [2]);
    expect(await pair.server.told()).toEqual([`readable ${streamId}`]);
    pair.client.write(streamId, [3]);
    expect(await pair.server.told()).toEqual([]);
    expect(pair.server.readAll(streamId).bytes).toEqual([1, 2, 3]);
    pair.client.write(streamId, [4], true);
    expect(await pair.server.told()).toEqual([`readable ${streamId}`]);
    expect(pair.server.readAll(streamId)).toEqual({ bytes: [4], isEnd: true });
  });

  test('take as many bytes as the window has room for, and call the writer when half of it is free', async () => {
    const pair = await connected({ streamWindowBytes: 4, chunkBytes: 1 });
    const streamId = await opened(pair);
    expect(pair.client.write(streamId, [1, 2, 3, 4, 5, 6], true)).toBe(4);
    expect(pair.client.write(streamId, [5, 6], true)).toBe(0);
    expect(pair.server.read(streamId)).toEqual([1]);
    expect(await pair.client.told()).toEqual([]);
    expect(pair.server.read(streamId)).toEqual([2]);
    expect(await pair.client.told()).toEqual([`writable ${streamId}`]);
    expect(pair.client.write(streamId, [5, 6], true)).toBe(2);
    expect(pair.server.readAll(streamId)).toEqual({ bytes: [3, 4, 5, 6], isEnd: true });
  });

  test('share the window of the connection', async () => {
    const pair = await connected({ connectionWindowBytes: 4 });
    const first = await opened(pair);
    const second = await opened(pair);
    expect(pair.client.write(first, [1, 2, 3])).toBe(3);
    expect(pair.client.write(second, [4, 5, 6])).toBe(1);
    // The other direction has its own.
    expect(pair.server.write(second, [7, 8])).toBe(2);
    await pair.server.told();
    pair.server.readAll(first);
    expect(await pair.client.told()).toEqual([`readable ${second}`, `writable ${second}`]);
    expect(pair.client.write(second, [5, 6])).toBe(2);
  });

  test('deliver what was written, whole and in order, whatever the sizes', async () => {
    const sizes = fc.record({
      chunkBytes: fc.integer({ min: 1, max: 50 }),
      streamWindowBytes: fc.integer({ min: 1, max: 60 }),
      connectionWindowBytes: fc.integer({ min: 1, max: 60 }),
      pieces: fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(sizes, async ({ pieces, ...limits }) => {
        const pair = await connected(limits);
        const { client, server } = pair;
        const streamId = await opened(pair);
        const expected = pieces.flatMap((piece) => [...piece]);
        const received: number[] = [];
        let isEnd = false;
        for (let sent = 0, isFinished = false; !isEnd;) {
          if (!isFinished) {
            const rest = expected.slice(sent);
            sent += client.write(streamId, rest, true);
            isFinished = sent === expected.length;
          }
          const { bytes, isEnd: end } = server.readAll(streamId);
          received.push(...bytes);
          isEnd = end;
        }
        expect(received).toEqual(expected);
      }),
    );
  });

  test('are limited in number; credit comes back when the server is done with one', async () => {
    const { client, server } = await connected({ maxStreams: 1 });
    const streamId = client.transport.openStream() ?? -1;
    client.write(streamId, [1], true);
    await server.told();
    expect(client.transport.openStream()).toBeUndefined();
    server.readAll(streamId);
    expect(client.transport.openStream()).toBeUndefined();
    expect(client.transport.openStreamCount).toBe(1);
    server.write(streamId, [2], true);
    expect(await client.told()).toEqual(['streams', `readable ${streamId}`]);
    expect(client.transport.openStreamCount).toBe(0);
    expect(client.transport.openStream()).toBe(2);
    expect(client.readAll(streamId)).toEqual({ bytes: [2], isEnd: true });
  });

  test('a reset drops what was not read, tells the reader, and ends only its half', async () => {
    const pair = await connected();
    const streamId = await opened(pair);
    pair.client.write(streamId, [1, 2, 3]);
    await pair.server.told();
    pair.client.transport.resetStream(streamId, 3);
    pair.client.transport.resetStream(streamId, 4);
    expect(await pair.server.told()).toEqual([`reset ${streamId} 3`]);
    expect(pair.server.read(streamId)).toBeUndefined();
    // Taken and dropped, so that nobody waits for room.
    expect(pair.client.write(streamId, new Array<number>(2_000_000).fill(1))).toBe(2_000_000);
    expect(pair.server.write(streamId, [9], true)).toBe(1);
    await pair.client.told();
    expect(pair.client.readAll(streamId)).toEqual({ bytes: [9], isEnd: true });
    expect(pair.client.transport.openStreamCount).toBe(0);
  });

  test('a reset of what was read to its end is too late', async () => {
    const pair = await connected();
    const streamId = await opened(pair);
    pair.client.write(streamId, [1], true);
    pair.server.readAll(streamId);
    await pair.server.told();
    pair.client.transport.resetStream(streamId, 3);
    expect(await pair.server.told()).toEqual([]);
  });

  test('a stop tells the writer, whose reset gives the credit back', async () => {
    const pair = await connected({ maxStreams: 1 });
    const streamId = await opened(pair);
    pair.client.write(streamId, [1], true);
    pair.server.readAll(streamId);
    pair.client.transport.stopStream(streamId, 0);
    expect(await pair.server.told()).toEqual([`readable ${streamId}`, `stopped ${streamId} 0`]);
    // Taken and dropped, so that nobody waits for room.
    expect(pair.server.write(streamId, new Array<number>(2_000_000).fill(1))).toBe(2_000_000);
    expect(pair.client.transport.openStream()).toBeUndefined();
    pair.server.transport.resetStream(streamId, 0);
    expect(await pair.client.told()).toEqual(['streams']);
    expect(pair.client.transport.openStream()).toBe(2);
  });

  test('[STR-10] a server opens one, in all, which is none of those that the client may have', async () => {
    const { client, server } = await connected({ maxStreams: 1 });
    expect([server.transport.openStream(), server.transport.openStream()]).toEqual([1, undefined]);
    server.write(1, [4, 0], true);
    server.transport.stopStream(1, 0);
    expect(await client.told()).toEqual(['opened 1', 'readable 1', 'stopped 1 0']);
    expect(client.readAll(1)).toEqual({ bytes: [4, 0], isEnd: true });
    client.transport.resetStream(1, 0);
    expect([client.transport.openStreamCount, server.transport.openStreamCount]).toEqual([0, 0]);
    expect([client.transport.openStream(), client.transport.openStream()]).toEqual([0, undefined]);
    expect(server.transport.openStream()).toBeUndefined();
  });

  test('a stop after everything has come tells nobody', async () => {
    const pair = await connected();
    const streamId = await opened(pair);
    pair.client.write(streamId, [1], true);
    pair.server.transport.stopStream(streamId, 1);
    expect(await pair.client.told()).toEqual([]);
    expect(pair.server.read(streamId)).toBeUndefined();
  });

  test('a reset gives room in the window to others', async () => {
    const pair = await connected({ connectionWindowBytes: 4 });
    const first = await opened(pair);
    const second = await opened(pair);
    pair.client.write(first, [1, 2, 3, 4]);
    expect(pair.client.write(second, [5])).toBe(0);
    pair.client.transport.resetStream(first, 1);
    expect(await pair.client.told()).toEqual([`writable ${second}`]);
    expect(pair.client.write(second, [5])).toBe(1);
  });

  test('a stop gives room in the window to others', async () => {
    const pair = await connected({ connectionWindowBytes: 4 });
    const first = await opened(pair);
    const second = await opened(pair);
    pair.client.write(first, [1, 2, 3, 4]);
    expect(pair.client.write(second, [5])).toBe(0);
    pair.server.transport.stopStream(first, 1);
    expect(await pair.client.told()).toEqual([`writable ${second}`, `stopped ${first} 1`]);
    expect(pair.client.write(second, [5])).toBe(1);
  });
});

describe('closing', () => {
  test('is told to both ends, last, after what was sent before', async () => {
    const pair = await connected();
    const streamId = await opened(pair);
    pair.client.write(streamId, [1], true);
    pair.client.transport.close(1, 'enough');
    pair.client.transport.close(2, 'again');
    expect(pair.client.log).toEqual([]);
    await settle();
    expect(pair.server.log).toEqual([`readable ${streamId}`, 'closed peer 1 enough']);
    expect(await pair.client.told()).toEqual(['closed local 1 enough']);
  });

  test('leaves verbs without effect', async () => {
    const pair = await connected();
    const streamId = await opened(pair);
    pair.server.write(streamId, [1]);
    await pair.client.told();
    pair.client.transport.close(0, 'enough');
    await pair.client.told();
    await pair.server.told();
    expect(pair.client.transport.openStream()).toBeUndefined();
    expect(pair.client.read(streamId)).toBeUndefined();
    expect(pair.client.write(streamId, [1, 2])).toBe(2);
    pair.server.transport.resetStream(streamId, 0);
    pair.server.transport.stopStream(streamId, 0);
    pair.server.transport.close(0, 'enough');
    expect(await pair.client.told()).toEqual([]);
    expect(await pair.server.told()).toEqual([]);
  });

  test('the listening ends the connections that are left', async () => {
    const { client, server, listening } = await connected();
    await listening.close();
    expect(await client.told()).toEqual(['closed peer 0 the server closed its sockets']);
    expect(await server.told()).toEqual(['closed local 0 the server closed its sockets']);
  });
});

/** Two StreamSets, client and server, that have told each other their limits, and the events of each. */
import { type StreamEvent } from '../../src/transport/connection/connection-event.js';
import { BufferBudget } from '../../src/transport/stream/buffer-budget.js';
import { ChunkPool } from '../../src/transport/stream/chunk-pool.js';
import { type PathCapacity } from '../../src/transport/stream/path-capacity.js';
import {
  DEFAULT_STREAM_LIMITS,
  type PeerLimits,
  SERVER_STREAMS,
  type StreamLimits,
} from '../../src/transport/stream/stream-limits.js';
import { StreamSet, type StreamSetOptions } from '../../src/transport/stream/stream-set.js';
import { acknowledge, concat, packetOf, receive } from './stream-packet.js';

export interface StreamPair {
  readonly client: StreamSet;
  readonly server: StreamSet;
  readonly clientEvents: StreamEvent[];
  readonly serverEvents: StreamEvent[];
}

export interface StreamPairOptions {
  readonly client?: Partial<StreamLimits>;
  readonly server?: Partial<StreamLimits>;
  readonly pool?: ChunkPool;
  /** Of both; what the pool of the test takes is counted by the pool's own. */
  readonly budget?: BufferBudget;
  readonly path?: PathCapacity;
  /** Either of them has something to send, because others have freed memory. */
  readonly onBufferRoom?: () => void;
  /** The client is still in its first flight. Default false. */
  readonly isFirstFlight?: boolean;
}

export function streamPair({
  client,
  server,
  pool,
  budget,
  path,
  onBufferRoom,
  isFirstFlight = false,
}: StreamPairOptions = {}): StreamPair {
  const clientLimits = { ...DEFAULT_STREAM_LIMITS, ...client };
  const serverLimits = { ...DEFAULT_STREAM_LIMITS, ...server };
  const means = {
    ...(pool && { pool }),
    ...(budget && { budget }),
    ...(path && { path }),
    ...(onBufferRoom && { onBufferRoom }),
  };
  const clientEvents: StreamEvent[] = [];
  const serverEvents: StreamEvent[] = [];
  const pair: StreamPair = {
    client: streamSet({
      role: 'client',
      limits: clientLimits,
      emit: (event) => clientEvents.push(event),
      ...means,
    }),
    server: streamSet({
      role: 'server',
      limits: serverLimits,
      emit: (event) => serverEvents.push(event),
      ...means,
    }),
    clientEvents,
    serverEvents,
  };
  pair.server.onPeerLimits(advertisedByClient(clientLimits));
  if (!isFirstFlight) pair.client.onPeerLimits(advertised(serverLimits));
  return pair;
}

/** A StreamSet on a path of which nothing is known, with more memory than it needs. */
export function streamSet({
  budget = new BufferBudget(),
  ...options
}: Partial<StreamSetOptions> & Pick<StreamSetOptions, 'role' | 'limits' | 'emit'>): StreamSet {
  return new StreamSet({
    pool: new ChunkPool(budget),
    path: UNKNOWN_PATH,
    onBufferRoom: () => undefined,
    budget,
    ...options,
  });
}

const UNKNOWN_PATH: PathCapacity = { smoothedRttMs: undefined, congestionWindow: 0 };

export function advertised({ connectionWindow, streamWindow, maxStreams }: StreamLimits): PeerLimits {
  return { maxData: connectionWindow, maxStreamData: streamWindow, maxStreams };
}

/** The same by a client, whatever its limits say of streams. */
export function advertisedByClient(limits: StreamLimits): PeerLimits {
  return { ...advertised(limits), maxStreams: SERVER_STREAMS };
}

/** Sends and acknowledges in both directions until nobody has anything to send. Returns how many packets that took. */
export function settle({ client, server }: StreamPair, room = 1_200): number {
  let count = 0;
  for (const [from, to] of [
    [client, server],
    [server, client],
    [client, server],
    [server, client],
  ] as const) {
    while (from.hasFramesToSend) {
      const packet = packetOf(from, room);
      if (packet.length === 0) throw new Error('something to send, and nothing written');
      receive(to, packet);
      acknowledge(from, packet);
      count++;
    }
  }
  return count;
}

/** Everything that can be read now, and whether the end was among it. */
export function readAll(set: StreamSet, id: number): { bytes: Uint8Array; hasEnded: boolean } {
  const pieces: Uint8Array[] = [];
  for (let piece = set.read(id); piece !== undefined; piece = set.read(id)) {
    if (piece === 'end') return { bytes: concat(pieces), hasEnded: true };
    pieces.push(piece);
  }
  return { bytes: concat(pieces), hasEnded: false };
}

/** `open` where the test knows that there is credit. */
export function openOf(set: StreamSet): number {
  const id = set.open();
  if (id === undefined) throw new Error('no stream credit');
  return id;
}

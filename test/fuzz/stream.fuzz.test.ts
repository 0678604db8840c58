/**
 * Two StreamSets joined by a link that loses, reorders, duplicates and delivers late, packets of random sizes, and
 * applications that write, read, reset and stop at random; then the link heals. What must hold at every step: bytes
 * read are the bytes written at their place, also though the writer reuses one array; limits are never passed and
 * never go down; whoever waits is called. At the end: everything finished has arrived, all is retired, buffers are empty.
 */
import fc from 'fast-check';
import { type StreamEvent } from '../../src/transport/connection/connection-event.js';
import { type SentFrame } from '../../src/transport/recovery/sent-packet.js';
import { BufferBudget } from '../../src/transport/stream/buffer-budget.js';
import { ChunkPool } from '../../src/transport/stream/chunk-pool.js';
import {
  DEFAULT_STREAM_LIMITS,
  FIRST_FLIGHT_LIMITS,
  type PeerLimits,
  type StreamLimits,
} from '../../src/transport/stream/stream-limits.js';
import { type StreamSet, type StreamSetOptions } from '../../src/transport/stream/stream-set.js';
import { receive, StreamPacket } from '../support/stream-packet.js';
import { advertised, advertisedByClient, streamSet } from '../support/stream-pair.js';

const MAX_STREAM_BYTES = 20_000;

/** `expect` costs too much for every frame. */
function check(condition: boolean, message: string): void {
  if (!condition) throw new Error(message);
}

/** The byte that `writer` puts at `offset` of a stream. */
function byteAt(writer: number, id: number, offset: number): number {
  return (offset * 31 + (offset >>> 8) * 17 + id * 5 + writer * 101) & 0xff;
}

/** One side's half of a stream, as the test knows it. */
interface Half {
  written: number;
  /** Where it is to end once the link has healed, if it has not ended before. */
  goal: number;
  isFinished: boolean;
  isWaiting: boolean;
  /** Reset by its application, or stopped by its reader: its end need not arrive. */
  isBroken: boolean;
  read: number;
  hasReadEnd: boolean;
  /** `streamReadable` came, and `read` has not said since that there is nothing. */
  mayRead: boolean;
  /** `streamReadable` came, and nothing was read since. */
  isCalled: boolean;
}

type Memory = Pick<StreamSetOptions, 'budget' | 'path'>;

class Side {
  readonly set: StreamSet;
  readonly index: number;
  readonly halves = new Map<number, Half>();
  /** Everything that was sent, resolved or not: the link takes from it what it likes. */
  readonly inFlight: { packet: StreamPacket; hasArrived: boolean; isResolved: boolean }[] = [];
  /** What this side was allowed to, as its peer wrote it into packets. */
  readonly allowed: {
    maxData: number;
    maxStreams: number;
    maxStreamData: number;
    byStream: Map<number, number>;
  };
  readonly sentEnds = new Map<number, number>();
  private sentTotal = 0;
  private now = 0;
  private readonly array = new Uint8Array(MAX_STREAM_BYTES);
  private openedCount = 0;
  private nextStreamAnnounced: number;

  constructor(index: number, limits: StreamLimits, allowed: PeerLimits, pool: ChunkPool, memory: Memory) {
    this.index = index;
    this.nextStreamAnnounced = 1 - index;
    this.allowed = { ...allowed, byStream: new Map() };
    this.set = streamSet({
      role: index === 0 ? 'client' : 'server',
      limits,
      pool,
      ...memory,
      emit: (event) => {
        this.onEvent(event);
      },
    });
  }

  addHalf(id: number): void {
    this.halves.set(id, {
      written: 0,
      goal: 0,
      isFinished: false,
      isWaiting: false,
      isBroken: false,
      read: 0,
      hasReadEnd: false,
      mayRead: false,
      isCalled: false,
    });
  }

  open(): void {
    const id = this.set.open();
    if (id === undefined) return;
    expect(id).toBe(2 * this.openedCount++ + this.index);
    this.addHalf(id);
  }

  write(id: number, length: number, fin: boolean): void {
    const half = this.half(id);
    if (half.isFinished || half.isWaiting || half.isBroken) return;
    const count = Math.max(0, Math.min(length, MAX_STREAM_BYTES - half.written));
    for (let i = 0; i < count; i++) this.array[i] = byteAt(this.index, id, half.written + i);
    const cut = Math.floor(count / 3);
    const taken = this.set.write(id, [this.array.subarray(0, cut), this.array.subarray(cut, count)], fin);
    this.array.fill(0xee, 0, count);
    half.written += taken;
    half.isWaiting = taken < count;
    half.isFinished = fin && taken === count;
  }

  /** Up to `times` pieces, but only when the event said that there is something. */
  read(id: number, times: number, peer: Side): void {
    const half = this.half(id);
    for (let i = 0; i < times && half.mayRead; i++) {
      const piece = this.set.read(id);
      half.isCalled = false;
      if (piece === undefined) {
        half.mayRead = false;
      } else if (piece === 'end') {
        check(!half.hasReadEnd, 'the end was read twice');
        half.hasReadEnd = true;
        half.mayRead = false;
        check(half.read === peer.half(id).written, 'the end came early');
      } else {
        check(piece.length > 0, 'an empty piece was read');

        for (const byte of piece) {
          check(byte === byteAt(peer.index, id, half.read), 'a wrong byte was read');
          half.read++;
        }
      }
    }
  }

  reset(id: number): void {
    this.half(id).isBroken = true;
    this.half(id).isWaiting = false;
    this.set.reset(id, 1);
  }

  stop(id: number): void {
    this.half(id).mayRead = false;
    this.set.stop(id, 2);
  }

  send(room: number, isLast: boolean, peer: Side): StreamPacket | undefined {
    const packet = new StreamPacket(room);
    // Half a millisecond for each packet: windows grow on some of the paths.
    this.now += 0.5;
    this.set.writeControl(packet, this.now);
    this.set.writeStreams(packet, isLast);
    check(packet.frames.length > 0 === packet.isAckEliciting, 'a packet with frames is ack-eliciting');
    if (packet.length === 0) return undefined;
    for (const frame of packet.frames) this.checkLimits(frame, peer);
    this.inFlight.push({ packet, hasArrived: false, isResolved: false });
    return packet;
  }

  half(id: number): Half {
    const half = this.halves.get(id);
    if (half === undefined) throw new Error(`stream ${id} is not known`);
    return half;
  }

  private checkLimits(frame: SentFrame, peer: Side): void {
    const { allowed } = peer;
    if (frame.kind === 'maxData') {
      check(frame.limit >= allowed.maxData, 'MAX_DATA went down');
      allowed.maxData = frame.limit;
    } else if (frame.kind === 'maxStreams') {
      check(frame.limit >= allowed.maxStreams, 'MAX_STREAMS went down');
      allowed.maxStreams = frame.limit;
    } else if (frame.kind === 'maxStreamData') {
      check(
        frame.limit >= (allowed.byStream.get(frame.streamId) ?? allowed.maxStreamData),
        'MAX_STREAM_DATA went down',
      );
      allowed.byStream.set(frame.streamId, frame.limit);
    } else if (frame.kind === 'stream') {
      const end = Math.max(frame.offset + frame.length, this.sentEnds.get(frame.streamId) ?? 0);
      this.sentTotal += end - (this.sentEnds.get(frame.streamId) ?? 0);
      this.sentEnds.set(frame.streamId, end);
      check(
        end <= (this.allowed.byStream.get(frame.streamId) ?? this.allowed.maxStreamData),
        'limit of a stream passed',
      );
      check(this.sentTotal <= this.allowed.maxData, 'limit of the connection passed');
    }
    if ('streamId' in frame && frame.streamId % 2 === this.index) {
      check((frame.streamId - this.index) / 2 < this.allowed.maxStreams, 'limit of streams passed');
    }
  }

  private onEvent(event: StreamEvent): void {
    switch (event.kind) {
      case 'streamsAvailable':
        return;
      case 'streamOpened':
        check(event.streamId === this.nextStreamAnnounced, 'streams opened out of order');
        this.nextStreamAnnounced += 2;
        this.addHalf(event.streamId);
        return;
      case 'streamReadable':
        // Only when there was nothing before: whoever has not read to the end of what there was is not called.
        check(!this.half(event.streamId).isCalled, 'readable twice');
        check(!this.half(event.streamId).hasReadEnd, 'readable behind the end');
        this.half(event.streamId).mayRead = true;
        this.half(event.streamId).isCalled = true;
        return;
      case 'streamWritable':
        check(this.half(event.streamId).isWaiting, 'writable without a wait');
        this.half(event.streamId).isWaiting = false;
        return;
      case 'streamReset':
        this.half(event.streamId).mayRead = false;
        return;
      case 'streamStopped':
        this.half(event.streamId).isBroken = true;
        this.half(event.streamId).isWaiting = false;
    }
  }
}

type Operation =
  | { readonly kind: 'open'; readonly side: number }
  | {
      readonly kind: 'write';
      readonly side: number;
      readonly stream: number;
      readonly length: number;
      readonly fin: boolean;
    }
  | { readonly kind: 'read'; readonly side: number; readonly stream: number; readonly times: number }
  | { readonly kind: 'reset' | 'stop'; readonly side: number; readonly stream: number }
  | { readonly kind: 'send'; readonly side: number; readonly room: number; readonly isLast: boolean }
  | {
      readonly kind: 'arrive' | 'acknowledge' | 'lose' | 'probe';
      readonly side: number;
      readonly packet: number;
    }
  | { readonly kind: 'limits' };

interface Means {
  readonly budgetBytes: number;
  readonly rttMs: number | undefined;
  readonly congestionWindow: number;
}

class Session {
  readonly budget: BufferBudget;
  readonly pool: ChunkPool;
  readonly sides: readonly [Side, Side];
  private readonly limits: StreamLimits;
  private hasClientLimits = false;

  constructor(
    clientLimits: StreamLimits,
    serverLimits: StreamLimits,
    isFirstFlight: boolean,
    { budgetBytes, rttMs, congestionWindow }: Means,
  ) {
    this.budget = new BufferBudget(budgetBytes);
    this.pool = new ChunkPool(this.budget);
    const memory = { budget: this.budget, path: { smoothedRttMs: rttMs, congestionWindow } };
    const client = new Side(
      0,
      clientLimits,
      isFirstFlight ? FIRST_FLIGHT_LIMITS : advertised(serverLimits),
      this.pool,
      memory,
    );
    const server = new Side(1, serverLimits, advertisedByClient(clientLimits), this.pool, memory);
    this.sides = [client, server];
    this.limits = serverLimits;
    server.set.onPeerLimits(advertisedByClient(clientLimits));
    if (!isFirstFlight) this.giveLimits();
  }

  run(operation: Operation): void {
    if (operation.kind === 'open') {
      this.sides[operation.side]?.open();
      return;
    }
    if (operation.kind === 'limits') {
      this.giveLimits();
      return;
    }
    const side = this.sides[operation.side] as Side;
    const peer = this.sides[1 - operation.side] as Side;
    if (operation.kind === 'send') {
      side.send(operation.room, operation.isLast, peer);
    } else if ('packet' in operation) {
      this.onLink(operation.kind, operation.packet, side, peer);
    } else {
      const id = [...side.halves.keys()].at(operation.stream);
      if (id === undefined) return;
      if (operation.kind === 'write') side.write(id, operation.length, operation.fin);
      else if (operation.kind === 'read') side.read(id, operation.times, peer);
      else if (operation.kind === 'reset') side.reset(id);
      else side.stop(id);
    }
    this.checkBuffers();
  }

  /** The link heals, and every application brings what it has begun to an end. */
  finish(): void {
    this.giveLimits();
    for (const { inFlight, set, halves } of this.sides) {
      for (const sent of inFlight) {
        if (sent.isResolved) continue;
        for (const frame of sent.packet.frames) {
          if (sent.hasArrived) set.onDelivered(frame);
          else set.onLost(frame);
        }
      }
      inFlight.length = 0;
      for (const half of halves.values()) half.goal = half.written + 10;
    }
    let idleRounds = 0;
    for (let round = 0; idleRounds < 2; round++) {
      if (round > 50_000) throw new Error('the streams do not come to rest');
      const hasMoved =
        this.finishSide(this.sides[0], this.sides[1]) || this.finishSide(this.sides[1], this.sides[0]);
      idleRounds = hasMoved ? 0 : idleRounds + 1;
    }
  }

  check(): void {
    for (const [side, peer] of [this.sides, [this.sides[1], this.sides[0]]] as const) {
      const { set } = side;
      expect([set.openCount, set.sendBufferBytes, set.receiveBufferBytes]).toEqual([0, 0, 0]);
      expect(set.hasFramesToSend).toBe(false);
      for (const [id, half] of side.halves) {
        if (half.hasReadEnd) expect(half.read).toBe(peer.half(id).written);
      }
    }
    expect([this.pool.usedBytes, this.budget.usedBytes]).toEqual([0, 0]);
  }

  private giveLimits(): void {
    if (this.hasClientLimits) return;
    this.hasClientLimits = true;
    const client = this.sides[0];
    Object.assign(client.allowed, advertised(this.limits), {
      maxData: Math.max(client.allowed.maxData, this.limits.connectionWindow),
      maxStreams: Math.max(client.allowed.maxStreams, this.limits.maxStreams),
    });
    client.set.onPeerLimits(advertised(this.limits));
  }

  private onLink(
    kind: 'arrive' | 'acknowledge' | 'lose' | 'probe',
    index: number,
    side: Side,
    peer: Side,
  ): void {
    const sent = side.inFlight.at(index);
    if (sent === undefined) return;
    if (kind === 'arrive') {
      // A copy may follow, and a packet taken for lost may arrive: nothing leaves the list.
      receive(peer.set, sent.packet, !this.hasClientLimits);
      sent.hasArrived = true;
      return;
    }
    if (sent.isResolved || (kind === 'acknowledge' && !sent.hasArrived)) return;
    // A probe sends again what is in flight, and leaves open what becomes of it.
    if (kind !== 'probe') sent.isResolved = true;
    for (const frame of sent.packet.frames) {
      if (kind === 'acknowledge') side.set.onDelivered(frame);
      else side.set.onLost(frame);
    }
  }

  private finishSide(side: Side, peer: Side): boolean {
    let hasMoved = false;
    for (const [id, half] of side.halves) {
      const before = half.read;
      side.read(id, Infinity, peer);
      hasMoved ||= half.read > before;
      if (half.isBroken) side.reset(id);
      else if (!half.isFinished && !half.isWaiting) side.write(id, half.goal - half.written, true);
    }
    while (side.set.hasFramesToSend) {
      const packet = side.send(400, true, peer);
      if (packet === undefined) throw new Error('something to send, and nothing written');
      side.inFlight.length = 0;
      receive(peer.set, packet);
      for (const frame of packet.frames) side.set.onDelivered(frame);
      hasMoved = true;
    }
    this.checkBuffers();
    return hasMoved;
  }

  private checkBuffers(): void {
    for (const { set } of this.sides) {
      check(set.sendBufferBytes >= 0, 'send buffer below zero');
      check(set.receiveBufferBytes >= 0, 'receive buffer below zero');
    }
  }
}

const side = fc.nat(1);
const stream = fc.nat(5);
const recent = fc.integer({ min: -12, max: -1 });
/** Log-uniform: small ones matter as much as large ones. (`fc.double` would be uniform in its bits: nearly always 0.) */
const size = (max: number): fc.Arbitrary<number> =>
  fc.nat(1_000).map((share) => Math.floor(max ** (share / 1_000)));

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('open' as const),
      side: fc.nat(5).map((draw) => (draw === 0 ? 1 : 0)),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      side,
      stream,
      length: fc.oneof(fc.constant(0), size(6_000)),
      fin: fc.nat(4).map((draw) => draw === 0),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      side,
      stream,
      times: fc.integer({ min: 1, max: 20 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('reset' as const, 'stop' as const), side, stream }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('send' as const),
      side,
      room: size(3_000),
      isLast: fc.boolean(),
    }),
  },
  {
    weight: 20,
    arbitrary: fc.record({
      kind: fc.constantFrom<('arrive' | 'acknowledge' | 'lose' | 'probe')[]>(
        'arrive',
        'arrive',
        'arrive',
        'acknowledge',
        'acknowledge',
        'lose',
        'probe',
      ),
      side,
      packet: recent,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('limits' as const) }) },
);

/** The first one in one draw of two: with every limit tiny nothing much would be under way. */
const limit = (usual: number, ...values: number[]): fc.Arbitrary<number> =>
  fc.oneof(fc.constant(usual), fc.constantFrom(...values));

const anyLimits: fc.Arbitrary<StreamLimits> = fc.record({
  maxStreams: limit(100, 1, 2, 5),
  streamWindow: limit(1 << 20, 1, 100, 600, 3_000),
  connectionWindow: limit(8 << 20, 1, 150, 900, 5_000),
  sendBufferPerStream: limit(1 << 20, 1, 100, 600, 3_000),
  sendBufferPerConnection: limit(8 << 20, 1, 150, 900, 5_000),
  maxStreamWindow: limit(16 << 20, 1, 2_000, 10_000),
  maxConnectionWindow: limit(24 << 20, 1, 2_000, 10_000),
  maxSendBufferPerStream: limit(16 << 20, 1, 2_000, 10_000),
  maxSendBufferPerConnection: limit(24 << 20, 1, 2_000, 10_000),
  reassemblyPieces: fc.constant(1_000),
  reassemblyPiecesPerConnection: fc.constant(8_192),
});

/** A process that has less memory than it needs, and paths of all lengths. */
const anyMeans: fc.Arbitrary<Means> = fc.record({
  budgetBytes: limit(256 << 20, 0, 1_000, 30_000),
  rttMs: fc.constantFrom(undefined, 0.1, 10, 1_000),
  congestionWindow: limit(40_000, 0, 1_000, 1 << 30),
});

const scenario = fc.oneof(
  fc.record({ client: anyLimits, server: anyLimits, isFirstFlight: fc.constant(false) }),
  fc.record({
    client: anyLimits,
    server: fc.constant(DEFAULT_STREAM_LIMITS),
    isFirstFlight: fc.constant(true),
  }),
);

describe('two stream sets over a bad link', () => {
  test('bytes arrive as written, limits hold, and everything is given back', () => {
    const runs = Number(process.env['FUZZ_RUNS'] ?? 300);
    let bytesRead = 0;
    fc.assert(
      fc.property(
        scenario,
        // Biased, most runs would be short and most lengths small.
        fc.noBias(fc.array(operation, { minLength: 50, maxLength: 400, size: 'max' })),
        anyMeans,
        ({ client, server, isFirstFlight }, operations, means) => {
          const session = new Session(client, server, isFirstFlight, means);
          session.run({ kind: 'open', side: 0 });
          for (const step of operations) session.run(step);
          session.finish();
          session.check();
          for (const { halves } of session.sides) for (const { read } of halves.values()) bytesRead += read;
        },
      ),
      { numRuns: runs },
    );
    // Else the operations were drawn so that hardly anything was under way.
    expect(bytesRead / runs).toBeGreaterThan(500);
  }, 600_000);
});

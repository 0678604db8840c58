/**
 * Looks on while one connection works and keeps books of its own: which packets it sent and what became of each, what
 * its window was. After every step of the connection they are held against what it says of itself. Sums are kept as
 * things happen; every 256 steps, and at the end, they are counted anew.
 */
import {
  type ConnectionFacts,
  type ConnectionObserver,
} from '../../../src/transport/connection/connection-observer.js';
import { type Players } from '../../../src/transport/connection/players.js';
import { type Address } from '../../../src/transport/path/path.js';
import { RangeSet } from '../../../src/base/range-set.js';
import { PacketSpace, type SentPacket } from '../../../src/transport/recovery/sent-packet.js';
import { PTO_CAP_MS, PTO_CAP_RTTS } from '../../../src/transport/recovery/probe-timer.js';
import { ByteReader } from '../../../src/transport/wire/byte-reader.js';
import { decodeFrame, type Frame } from '../../../src/transport/wire/frame.js';
import { FrameType } from '../../../src/transport/wire/frame-type.js';
import { type BufferBudget } from '../../../src/transport/stream/buffer-budget.js';
import { CreditWatch } from './credit-watch.js';
import { type TransportParameters } from '../../../src/transport/wire/transport-parameters.js';
import { IdWatch } from './id-watch.js';
import { KeyWatch } from './key-watch.js';
import { type IsProven, PathWatch } from './path-watch.js';
import { WindowWatch } from './window-watch.js';
import { check } from './violation.js';

export interface ConnectionWatchOptions {
  readonly name: string;
  readonly facts: ConnectionFacts;
  /** Of its host. */
  readonly buffers: BufferBudget;
  readonly isProven: IsProven;
  /** Reports what does not hold: an observer must not throw. */
  readonly fail: (error: unknown) => void;
  /** For the report. */
  readonly count: (name: string) => void;
}

export class ConnectionWatch implements ConnectionObserver {
  readonly facts: ConnectionFacts;
  readonly #options: ConnectionWatchOptions;
  /** By packet number, those in flight whose fate is open; one book for each space. */
  readonly #open: readonly [Map<number, OpenPacket>, Map<number, OpenPacket>] = [new Map(), new Map()];
  readonly #received = [new RangeSet(), new RangeSet()] as const;
  readonly #window: WindowWatch;
  readonly #ids: IdWatch;
  readonly #path: PathWatch;
  readonly #credit: CreditWatch;
  readonly #keys: KeyWatch;
  #openBytes = 0;
  #openAckEliciting = 0;
  /** When something came last, and when it asked first after that. */
  #heardAt = -Infinity;
  #askedAt = Infinity;
  #peersAckDelayMs = PEERS_LONGEST_ACK_DELAY_MS;
  #steps = 0;
  #packetsReceived = 0;
  #retries = 0;
  #packetsDropped = 0;
  #isClosed = false;
  #players: Players | undefined;

  constructor(options: ConnectionWatchOptions) {
    this.#options = options;
    this.facts = options.facts;
    this.#window = new WindowWatch(options.name, options.facts, options.count);
    this.#ids = new IdWatch(options.name);
    this.#path = new PathWatch(options.name, options.isProven);
    this.#credit = new CreditWatch(options.name, options.facts, options.buffers);
    this.#keys = new KeyWatch(options.name, options.count);
  }

  onPacketSent(
    space: PacketSpace,
    packetNumber: number,
    payload: Uint8Array,
    bytes: number,
    now: number,
  ): void {
    this.#path.onSent(space, packetNumber);
    this.#guard(() => {
      if (space === PacketSpace.PROTECTED && this.#players !== undefined && !this.#isClosed)
        this.#keys.onSent(packetNumber, this.#players, now);
    });
    for (const frame of framesOf(payload, space)) {
      if (isPathFrame(frame)) this.#window.onPathFrame();
      this.#ids.onSent(packetNumber, frame);
      this.#guard(() => {
        this.#credit.onSent(frame, this.#players);
      });
    }
    const kind = this.#isClosed ? 'silent' : kindOf(payload, space);
    if (kind === 'silent') return;
    this.#open[space].set(packetNumber, { bytes, kind });
    this.#openBytes += bytes;
    if (kind !== 'ackEliciting') return;
    this.#openAckEliciting++;
    this.#askedAt = Math.min(this.#askedAt, now);
  }

  onPacketReceived(
    space: PacketSpace,
    packetNumber: number,
    payload: Uint8Array,
    _bytes: number,
    now: number,
  ): void {
    this.#heardAt = now;
    this.#askedAt = Infinity;
    this.#guard(() => {
      const received = this.#received[space];
      check(
        !received.contains(packetNumber),
        () => `${this.#options.name}: packet ${packetNumber} of space ${space} is processed twice`,
      );
      received.add(packetNumber, packetNumber + 1);
      this.#packetsReceived++;
    });
    this.#path.onReceived(space, packetNumber);
    this.#readFrames(space, payload);
  }

  onPacketDropped(): void {
    this.#packetsDropped++;
  }

  /** All that is in flight is given up, whatever becomes of it. */
  onRetry(_sourceId: Uint8Array, _bytes: number, now: number): void {
    this.#options.count('retry/followed');
    this.#heardAt = now;
    this.#askedAt = Infinity;
    this.#retries++;
    for (const space of [PacketSpace.HELLO, PacketSpace.PROTECTED]) this.#forget(space);
  }

  onPacketsLost(packets: readonly SentPacket[]): void {
    for (const packet of packets) {
      this.#settle(packet.space, packet.packetNumber);
      this.#path.onLost(packet);
    }
    this.#window.onPacketsLost(packets);
    this.#credit.onLost(packets);
  }

  onRecoveryTimeout(): void {
    // The probes that it asks for are seen in the players.
  }

  /** What it grants is the wire tap's business. Where somebody meddled it has not said this, and it counts all the same. */
  onPeerParameters({ maxAckDelayMs }: TransportParameters): void {
    this.#peersAckDelayMs = Math.max(this.#peersAckDelayMs, maxAckDelayMs);
  }

  onClosed(): void {
    this.#isClosed = true;
  }

  onStep(players: Players, now: number): void {
    this.#players = players;
    if (this.#isClosed) return;
    this.#steps++;
    this.#guard(() => {
      if (players.hello.isDiscarded && this.#open[PacketSpace.HELLO].size > 0)
        this.#forget(PacketSpace.HELLO);
      if (this.#steps % STEPS_BETWEEN_SCANS === 0) this.#scan();
      this.#checkBooks(players);
      this.#checkSuspicion(players, now);
      this.#window.check(players, now);
      this.#keys.check(players, now);
      this.#path.check(players);
    });
  }

  onForgotten(): void {
    this.#guard(() => {
      this.#scan();
    });
  }

  isValidated(remote: Address, local: number): boolean {
    return this.#players?.paths.find(remote, local)?.isValidated === true;
  }

  /** Once the turn is over: what has something to send has sent it, or knows what it waits for. */
  checkAwake(pollTimeout: number, now: number): void {
    const players = this.#players;
    if (players === undefined || this.#isClosed || !players.isConfirmed) return;
    const { recovery, streams, path, pathMtu, localIds } = players;
    this.#ids.check(players, this.#openAckEliciting === 0 && !localIds.hasFramesToSend);
    this.#credit.checkGranted(players);
    this.#checkWriters(players);
    const maxDatagramSize = pathMtu.datagramBytes;
    if (path.allowance < maxDatagramSize) return;
    const isWaiting =
      this.#openAckEliciting > 0 || (streams.hasFramesToSend && recovery.canSend(maxDatagramSize));
    if (!isWaiting) return;
    const { rtt } = recovery;
    // The longest PTO, which its backoff may reach; a loss is waited for at most two round trips, and that hides it.
    const longestPtoMs = Math.max(
      rtt.ptoPeriod(PEERS_LONGEST_ACK_DELAY_MS),
      PTO_CAP_MS,
      PTO_CAP_RTTS * rtt.smoothedRtt,
    );
    const meddledPtoMs = rtt.ptoPeriod(this.#peersAckDelayMs);
    if (pollTimeout > (now + longestPtoMs) * ROUNDING) {
      const isMeddled = pollTimeout <= (now + meddledPtoMs) * ROUNDING;
      this.#options.count(
        isMeddled
          ? 'excuse/an ACK delay that a meddler has written'
          : 'excuse/a loss that is waited for longer than a PTO',
      );
    }
    const longestMs = Math.max(longestPtoMs, meddledPtoMs, 2 * rtt.latestRtt);
    check(
      pollTimeout <= (now + longestMs) * ROUNDING,
      () =>
        `${this.#options.name}: something to send or to hear of, and nothing due for ${pollTimeout - now} ms`,
    );
  }

  /** Every packet that came was read or dropped for a reason; several may have come in one datagram. */
  checkReceived(datagramsReceived: number): void {
    const mayBeKept =
      this.#isClosed || this.#players?.isConfirmed === true ? 0 : this.facts.options.undecryptablePackets;
    check(
      this.#packetsReceived + this.#retries + this.#packetsDropped + mayBeKept >= datagramsReceived,
      () =>
        `${this.#options.name}: ${datagramsReceived} datagrams, of which ${this.#packetsReceived} packets were read and ${this.#packetsDropped} dropped`,
    );
  }

  #checkBooks({ recovery, stats, streams, role, options }: Players): void {
    const { name } = this.#options;
    const said = recovery.bytesInFlight + recovery.bytesInFlightElsewhere;
    check(
      said === this.#openBytes,
      () => `${name}: ${said} bytes in flight, of which ${this.#openBytes} are open`,
    );
    check(recovery.bytesInFlight >= 0, () => `${name}: ${recovery.bytesInFlight} bytes in flight`);
    check(
      stats.packetsReceived === this.#packetsReceived,
      () => `${name}: counts ${stats.packetsReceived} packets of ${this.#packetsReceived}`,
    );
    // A peer that is not read fills what it was granted, and no more.
    const mostHeld = Math.max(options.connectionWindow, options.maxConnectionWindow, FIRST_FLIGHT_BYTES);
    check(
      streams.receiveBufferBytes <= mostHeld,
      () => `${name}: ${streams.receiveBufferBytes} bytes wait to be read, of at most ${mostHeld}`,
    );
    // As many may have settled without the peer having all of them: their credit is returned before.
    const mostStreams = 2 * Math.max(options.maxStreams, FIRST_FLIGHT_STREAMS);
    check(
      role === 'client' || streams.openCount <= mostStreams,
      () => `${name}: ${streams.openCount} streams open, of at most ${mostStreams}`,
    );
  }

  /** A connection answers, or is known not to: never silent, never suspected of what it does not do. */
  #checkSuspicion({ suspicion, options, recovery, isConfirmed }: Players, now: number): void {
    const { name } = this.#options;
    check(
      !suspicion.isSuspect || this.#heardAt < now,
      () => `${name}: suspect, although something came just now`,
    );
    if (!isConfirmed || suspicion.isSuspect) return;
    const ptoMs = Math.max(
      recovery.rtt.ptoPeriod(this.#peersAckDelayMs),
      1_000,
      4 * recovery.rtt.smoothedRtt,
    );
    const longestMs =
      Math.max(options.suspectAfterMs, (options.suspectAfterPtos + 1) * ptoMs) + SUSPICION_SLACK_MS;
    check(
      now - this.#askedAt <= longestMs,
      () => `${name}: nothing came for ${now - this.#askedAt} ms since it asked, and it is not suspect`,
    );
  }

  /** Who may write, and has nothing under way that would call it later, was called. */
  #checkWriters({ streams, options }: Players): void {
    const isFull = streams.sendBufferBytes * 2 > options.sendBufferPerConnection;
    if (isFull || !this.#options.buffers.mayGrow) return;
    check(
      !streams.hasStarvedWriter,
      () => `${this.#options.name}: a writer waits, and there is room for what it writes`,
    );
  }

  #scan(): void {
    let sum = 0;
    for (const book of this.#open) for (const { bytes } of book.values()) sum += bytes;
    check(
      sum === this.#openBytes,
      () => `${this.#options.name}: the books are ${this.#openBytes - sum} bytes off`,
    );
  }

  #settle(space: PacketSpace, packetNumber: number): void {
    const packet = this.#open[space].get(packetNumber);
    if (packet === undefined) return;
    this.#open[space].delete(packetNumber);
    this.#openBytes -= packet.bytes;
    if (packet.kind === 'ackEliciting') this.#openAckEliciting--;
  }

  #forget(space: PacketSpace): void {
    for (const packetNumber of [...this.#open[space].keys()]) this.#settle(space, packetNumber);
  }

  #readFrames(space: PacketSpace, payload: Uint8Array): void {
    try {
      for (const frame of framesOf(payload, space)) {
        this.#ids.onReceived(frame);
        this.#credit.onReceived(frame);
        if (frame.type === FrameType.ACK) this.#onAck(space, frame.ranges);
      }
    } catch {
      // The connection finds the same, and ends.
    }
  }

  #onAck(space: PacketSpace, ranges: readonly number[]): void {
    for (const [packetNumber, { bytes }] of [...this.#open[space]]) {
      if (!isInRanges(ranges, packetNumber)) continue;
      this.#settle(space, packetNumber);
      this.#window.onAcknowledged();
      if (space === PacketSpace.HELLO) continue;
      this.#ids.onAcknowledged(packetNumber);
      this.#path.onAcknowledged(packetNumber, bytes);
    }
  }

  #guard(verdict: () => void): void {
    try {
      verdict();
    } catch (error) {
      this.#options.fail(error);
    }
  }
}

interface OpenPacket {
  readonly bytes: number;
  /** Padding alone counts as in flight, and nobody answers it. */
  readonly kind: 'ackEliciting' | 'padded';
}

function* framesOf(payload: Uint8Array, space: PacketSpace): Generator<Frame> {
  const reader = new ByteReader(payload);
  while (reader.remaining > 0) yield decodeFrame(reader, space);
}

function isPathFrame({ type }: Frame): boolean {
  return type === FrameType.PATH_CHALLENGE || type === FrameType.PATH_RESPONSE;
}

function kindOf(payload: Uint8Array, space: PacketSpace): OpenPacket['kind'] | 'silent' {
  const reader = new ByteReader(payload);
  let isPadded = false;
  while (reader.remaining > 0) {
    switch (decodeFrame(reader, space).type) {
      case FrameType.PADDING:
        isPadded = true;
        continue;
      case FrameType.ACK:
      case FrameType.CLOSE_TRANSPORT:
      case FrameType.CLOSE_APPLICATION:
        continue;
      default:
        return 'ackEliciting';
    }
  }
  return isPadded ? 'padded' : 'silent';
}

/** `ranges`: smallest, largest of each. */
function isInRanges(ranges: readonly number[], packetNumber: number): boolean {
  for (let index = 0; index < ranges.length; index += 2) {
    if (packetNumber >= (ranges[index] ?? 0) && packetNumber <= (ranges[index + 1] ?? 0)) return true;
  }
  return false;
}

/** Sums of a clock far from its start. */
const ROUNDING = 1 + 1e-12;
/** Timers may be late, and lateness puts it off for as long again. */
const SUSPICION_SLACK_MS = 130_000;
const STEPS_BETWEEN_SCANS = 256;
/** What a first flight may open whatever the limit is (PROTOCOL §8.2). */
const FIRST_FLIGHT_STREAMS = 64;
const FIRST_FLIGHT_BYTES = 262_144;
/** The longest that a scenario draws. */
const PEERS_LONGEST_ACK_DELAY_MS = 200;

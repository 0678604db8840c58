/**
 * What some hundred seeds must reach: a dimension, frame, fate, drop reason or outcome that never occurs is not tested. What
 * there is to be reached is taken from where it is declared, so that a new one is asked for too; what need not be reached
 * stands here with the reason.
 */
import { type Fate, FATES } from '../../../src/sim/sim-network.js';
import { DROP_REASONS, type DropReason } from '../../../src/transport/connection/connection-stats.js';
import { PacketSpace } from '../../../src/transport/recovery/sent-packet.js';
import { FrameType, isLegalIn } from '../../../src/transport/wire/frame-type.js';

/**
 * By dimension, those of the two sides of options without the side: what is counted when it does what it is for. Nothing
 * where it only makes other things happen at other times, in other numbers or sizes.
 */
export const DIMENSION_EFFECTS: Readonly<Record<string, readonly string[]>> = {
  badHandlers: ['call/FAILED_PRECONDITION', 'call/UNKNOWN', 'stream/reset'],
  badPeriods: ['fate/badPeriod'],
  bbr: [],
  blackouts: ['fate/blackedOut'],
  bufferBytes: [],
  bursts: ['fate/burst'],
  cancels: ['call/CANCELLED', 'stream/cancelled'],
  clientHandshake: ['fault/handshakeAltered', 'fault/handshakeFailure'],
  clockStart: [],
  connectionWindow: ['frame/PROTECTED DATA_BLOCKED', 'frame/PROTECTED MAX_DATA'],
  connections: ['drop/refused'],
  corruption: ['fate/corrupted', 'drop/notAuthentic'],
  crashes: ['fault/clientCrash', 'fault/serverCrash', 'call/UNAVAILABLE', 'stream/closed', 'stream/lost'],
  delay: [],
  duplex: [],
  duplication: ['fate/duplicated', 'drop/duplicate'],
  eventsPerTurn: [],
  extension: ['fate/extended'],
  failingSends: ['fate/sendFailed'],
  handshakeStreamBytes: [],
  handshakeTimeoutMs: ['closed/handshakeTimeout HANDSHAKE_FAILED'],
  // An attack, and what each kind of violation ends with.
  hostilePeer: [
    'hostile/connection',
    'hostile/told',
    'hostile/closed by local FLOW_CONTROL_ERROR',
    'hostile/closed by local FRAME_ENCODING_ERROR',
    'hostile/closed by local PROTOCOL_VIOLATION',
    'hostile/closed by local STREAM_LIMIT_ERROR',
    'hostile/closed by local STREAM_STATE_ERROR',
  ],
  idleTimeoutMs: ['closed/idle NO_ERROR'],
  initialRttMs: [],
  jitter: [],
  keys: ['keys/answered', 'keys/begun'],
  keyUpdate: [],
  largeMessages: [],
  lateReplay: ['fate/replayed'],
  lateTimers: [],
  limits: [],
  loss: ['fate/lost'],
  manyExchanges: [],
  maxAckDelayMs: [],
  maxDatagramSize: [],
  maxStreamWindow: [],
  maxStreams: ['frame/PROTECTED STREAMS_BLOCKED', 'frame/PROTECTED MAX_STREAMS'],
  moves: ['fault/move address', 'fault/move inherited', 'fault/move port', 'fault/move returned'],
  mtuChange: ['fault/mtuChange'],
  noIcmp: [],
  pathMtu: ['fate/tooLarge'],
  pauses: ['fault/pause'],
  rate: ['fate/queueFull'],
  reassemblyPieces: [],
  reordering: ['fate/reordered'],
  resetKeyKept: ['closed/reset NO_ERROR'],
  retryAboveHalfOpen: ['drop/addressNotProven', 'drop/unexpectedRetry', 'retry/followed', 'token/retry'],
  rough: [],
  seldomMoves: ['fault/move address'],
  sendBufferPerConnection: [],
  sendBufferPerStream: [],
  serverAddresses: [],
  serverHandshake: ['fault/handshakeAltered', 'fault/handshakeFailure'],
  severalClients: [],
  shortTimeouts: ['call/DEADLINE_EXCEEDED', 'stream/timeout'],
  slowHandlers: [],
  slowReaders: [],
  splicing: ['fate/spliced'],
  spreadOut: [],
  streamWindow: ['frame/PROTECTED STREAM_DATA_BLOCKED', 'frame/PROTECTED MAX_STREAM_DATA'],
  suspicion: [],
  truncation: ['fate/truncated'],
  undecryptablePackets: ['drop/undecryptable'],
  windows: [],
};

/** A dimension as it stands in the table. */
export function withoutSide(dimension: string): string {
  return dimension.replace(/^(client|server)\./, '');
}

/** The sockets of the simulator hold more than a seed sends in a turn. */
const UNREACHED_FATES: readonly Fate[] = ['bufferFull'];
/** Only a peer of another version causes it. */
const UNREACHED_DROPS: readonly DropReason[] = ['unknownVersion'];
/** The plaintext handshake has said all when PROTECTED packets begin. */
const UNREACHED_FRAMES: readonly string[] = ['PROTECTED HANDSHAKE'];

/** `dimensions`: all that a scenario can draw. */
export function requiredCoverage(dimensions: readonly string[]): readonly string[] {
  const required = [
    ...dimensions.map((name) => `dimension/${name}`),
    ...dimensions.flatMap((name) => DIMENSION_EFFECTS[withoutSide(name)] ?? []),
    ...DROP_REASONS.filter((name) => !UNREACHED_DROPS.includes(name)).map((name) => `drop/${name}`),
    ...FATES.filter((name) => !UNREACHED_FATES.includes(name)).map((name) => `fate/${name}`),
    ...legalFrames()
      .filter((name) => !UNREACHED_FRAMES.includes(name))
      .map((name) => `frame/${name}`),
    'token/address',
    'call/OK',
    'stream/ok',
  ];
  return [...new Set(required)];
}

/** Of fewer seeds nothing is asked. */
export const SEEDS_THAT_REACH_ALL = 400;

/** Each type with each kind of packet in which it is legal. */
function legalFrames(): string[] {
  return Object.entries(PacketSpace).flatMap(([space, number]) =>
    Object.entries(FrameType)
      .filter(([, type]) => isLegalIn(type, number))
      .map(([name]) => `${space} ${name}`),
  );
}

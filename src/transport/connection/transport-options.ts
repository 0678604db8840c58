/**
 * What a user may set of the transport, with the defaults of WIRE-AND-SECURITY "Limits and their defaults".
 * Resolved once, when a channel or a server is made; plain data from then on.
 */
import { checkNumbers, type NumberRule, type NumberRules, withDefaults } from '../../base/number-options.js';
import { checkCongestionControl, type CongestionControl } from '../congestion/create-controller.js';
import { MAX_DATAGRAM_BYTES, MIN_DATAGRAM_BYTES } from '../path/datagram-limits.js';

/** Windows, timeouts and limits of a connection. */
export interface TransportOptions {
  /** Silence after which a connection is closed, ms. The smaller of both sides' counts. Default 30,000. */
  readonly idleTimeoutMs: number;
  /** A connection that is not ready by then is given up, ms. Default 10,000. */
  readonly handshakeTimeoutMs: number;
  /**
   * An established connection is suspect when nothing has come for as long as this many PTOs in a row take: a channel then
   * makes new calls on another one [IDL-4]. Default 8.
   */
  readonly suspectAfterPtos: number;
  /** But not before so much silence, ms. Default 10,000. */
  readonly suspectAfterMs: number;
  /** Longest wait before an ACK is sent, ms; the peer is told. Default 2. */
  readonly maxAckDelayMs: number;
  /** Round-trip time assumed before the first sample, ms. Default 100. */
  readonly initialRttMs: number;
  /** How the rate is found that the path carries. Default `bbr`. */
  readonly congestionControl: CongestionControl;
  /**
   * Share of datagrams, 0 to 0.5, that BBR takes for the noise of a link when they are lost while no queue builds up and
   * the rest arrives as fast as before. With more a radio link is used in full that loses more; a link whose owner drops
   * what exceeds its rate is filled with so much more that is lost. Default 0.15.
   */
  readonly toleratedLoss: number;
  /**
   * Largest datagram sent, bytes, header and protection included: 1,200 to 65,507. Every connection begins with 1,200 and
   * goes up to what its path is found to carry. Default (undefined): 1,452 beyond this machine, what fits on loopback.
   * More than 1,452 beyond it is for networks whose MTU is known to be larger: elsewhere the system fragments.
   */
  readonly maxDatagramSize: number | undefined;
  /** Streams (calls) the peer may have open at once. Default 100. */
  readonly maxStreams: number;
  /** Bytes the peer may send on one stream beyond what was read, at first. Default 1 MiB. */
  readonly streamWindow: number;
  /** Bytes the peer may send on all streams together beyond what was read, at first. Default 8 MiB. */
  readonly connectionWindow: number;
  /** What `streamWindow` may grow to where a reader that keeps up needs it. Default 16 MiB. */
  readonly maxStreamWindow: number;
  /** What `connectionWindow` may grow to. Default 24 MiB. */
  readonly maxConnectionWindow: number;
  /** Bytes a stream holds for sending and retransmission, at least. Default 1 MiB. */
  readonly sendBufferPerStream: number;
  /** The same, all streams of a connection together. Default 8 MiB. */
  readonly sendBufferPerConnection: number;
  /** What `sendBufferPerStream` is where twice the congestion window is more. Default 16 MiB. */
  readonly maxSendBufferPerStream: number;
  /** What `sendBufferPerConnection` is where three times the congestion window is more. Default 24 MiB. */
  readonly maxSendBufferPerConnection: number;
  /** Pieces of a stream that may wait for what comes before them, beyond one for each KiB. Default 1,000. */
  readonly reassemblyPieces: number;
  /** The same, all streams of a connection together. Default 8,192. */
  readonly reassemblyPiecesPerConnection: number;
  /** Bytes of the handshake stream kept for reassembly. Default 64 KiB. */
  readonly handshakeStreamBytes: number;
  /** Connection IDs of each side at once, at least 2. Default 4. */
  readonly activeConnectionIds: number;
  /** Connection IDs of the peer's whose end it has not confirmed; more close the connection. Default 16. */
  readonly retiringConnectionIds: number;
  /** Ways to the peer that are known at once, at least 2. Default 4. */
  readonly maxPaths: number;
  /** Packets after which a connection gets new keys, at most 2^22; of no effect in plaintext. Default 4,194,304. */
  readonly keyUpdatePackets: number;
  /** The same by their age, ms. Default 3,600,000. */
  readonly keyUpdateMs: number;
  /**
   * How long the event loop stays awake for the next datagram instead of sleeping until it comes, µs, 0 to 1,000, where
   * datagrams mostly come so soon: calls on one machine take a third less time, for some more CPU. 0: it always sleeps. Of no
   * effect on a simulated network. Default 50.
   */
  readonly busyPollUs: number;
  /** Packets kept that came before the keys that open them, of at most 1,452 bytes each. Default 32. */
  readonly undecryptablePackets: number;
}

/** What connections take where nothing else is said. */
export const DEFAULT_TRANSPORT_OPTIONS: TransportOptions = {
  idleTimeoutMs: 30_000,
  handshakeTimeoutMs: 10_000,
  suspectAfterPtos: 8,
  suspectAfterMs: 10_000,
  maxAckDelayMs: 2,
  initialRttMs: 100,
  congestionControl: 'bbr',
  toleratedLoss: 0.15,
  maxDatagramSize: undefined,
  maxStreams: 100,
  streamWindow: 1 << 20,
  connectionWindow: 8 << 20,
  sendBufferPerStream: 1 << 20,
  maxStreamWindow: 16 << 20,
  maxConnectionWindow: 24 << 20,
  sendBufferPerConnection: 8 << 20,
  maxSendBufferPerStream: 16 << 20,
  maxSendBufferPerConnection: 24 << 20,
  reassemblyPieces: 1_000,
  reassemblyPiecesPerConnection: 8_192,
  handshakeStreamBytes: 64 << 10,
  activeConnectionIds: 4,
  retiringConnectionIds: 16,
  maxPaths: 4,
  keyUpdatePackets: 2 ** 22,
  keyUpdateMs: 3_600_000,
  busyPollUs: 50,
  undecryptablePackets: 32,
};

/** The defaults where nothing else was said. Throws RangeError for what no transport could keep. */
export function resolveTransportOptions(options: Partial<TransportOptions> | undefined): TransportOptions {
  checkNumbers(options, TRANSPORT_RULES, 'transport.');
  checkCongestionControl(options?.congestionControl, 'transport.congestionControl');
  return withDefaults(DEFAULT_TRANSPORT_OPTIONS, options);
}

const ms = (min: number, max?: number): NumberRule => ({
  min,
  unit: 'ms',
  ...(max !== undefined && { max }),
});
const bytes = (min: number, max = Number.MAX_SAFE_INTEGER): NumberRule => ({
  min,
  max,
  isWhole: true,
  unit: 'bytes',
});
const count = (min: number, max = Number.MAX_SAFE_INTEGER): NumberRule => ({ min, max, isWhole: true });

/** A timer of Node holds no more. */
const MAX_TIMER_MS = 2_147_483_647;

const TRANSPORT_RULES: NumberRules<TransportOptions> = {
  idleTimeoutMs: ms(0, MAX_TIMER_MS),
  handshakeTimeoutMs: ms(1, MAX_TIMER_MS),
  suspectAfterPtos: count(1, 64),
  suspectAfterMs: ms(0),
  maxAckDelayMs: ms(0, 16_000),
  initialRttMs: ms(0.01, 60_000),
  toleratedLoss: { min: 0, max: 0.5 },
  // [MTU-1]
  maxDatagramSize: bytes(MIN_DATAGRAM_BYTES, MAX_DATAGRAM_BYTES),
  maxStreams: count(1),
  streamWindow: bytes(1),
  connectionWindow: bytes(1),
  maxStreamWindow: bytes(1),
  maxConnectionWindow: bytes(1),
  sendBufferPerStream: bytes(1),
  sendBufferPerConnection: bytes(1),
  maxSendBufferPerStream: bytes(1),
  maxSendBufferPerConnection: bytes(1),
  reassemblyPieces: count(1),
  reassemblyPiecesPerConnection: count(1),
  handshakeStreamBytes: bytes(4_096),
  activeConnectionIds: count(2, 64),
  retiringConnectionIds: count(1),
  maxPaths: count(2),
  // [KEY-5]
  keyUpdatePackets: count(1, 2 ** 22),
  keyUpdateMs: ms(1),
  busyPollUs: { min: 0, max: 1_000, unit: 'µs' },
  undecryptablePackets: count(0),
};

/** [HDR-8] Length of the connection IDs of this version. */
export const CONNECTION_ID_BYTES = 8;
/** [TOK-5] A client takes no longer ones, which would leave its hello no room. */
export const MAX_TOKEN_BYTES = 256;

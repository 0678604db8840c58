/** Options of the two sides, drawn: every limit from {1, small, default, huge}, times and controllers from what users may set. */
import { type CongestionControl } from '../../../src/transport/congestion/create-controller.js';
import {
  DEFAULT_TRANSPORT_OPTIONS,
  type TransportOptions,
} from '../../../src/transport/connection/transport-options.js';
import { DEFAULT_ENDPOINT_LIMITS, type EndpointLimits } from '../../../src/transport/endpoint/endpoint.js';
import { DEFAULT_BUFFER_BYTES } from '../../../src/transport/stream/buffer-budget.js';
import { type SeededRandom } from '../../../src/sim/seeded-random.js';
import { type Dimension } from './scenario.js';

/** How much goes out before one has to wait for the other side: what a byte costs in datagrams follows from it. */
export function stepBytes(options: TransportOptions, isServer: boolean): number {
  const { sendBufferPerStream, sendBufferPerConnection, streamWindow, connectionWindow } = options;
  const sendBuffer = Math.min(sendBufferPerStream, sendBufferPerConnection);
  // A server grants what a first flight may use, at least.
  return isServer ? sendBuffer : Math.min(sendBuffer, streamWindow, connectionWindow);
}

/** Options that are counts, bytes or times. */
type LimitName = Exclude<keyof TransportOptions, 'congestionControl' | 'maxDatagramSize'>;

/** Every limit from {1, small, default, huge}; which of them break connections is `rough`. */
export function drawOptions(dimension: Dimension, rough: Dimension, side: string): TransportOptions {
  // Small windows make everything small: most seeds must have ordinary ones.
  const isLimited = dimension(`${side}.limits`, false, () => true);
  const limit = (name: LimitName, small: number, huge: number, least = 1): number =>
    isLimited
      ? dimension(`${side}.${name}`, DEFAULT_TRANSPORT_OPTIONS[name], (random) =>
          random.pick([least, small, huge]),
        )
      : DEFAULT_TRANSPORT_OPTIONS[name];
  return {
    ...DEFAULT_TRANSPORT_OPTIONS,
    maxDatagramSize: dimension(`${side}.maxDatagramSize`, undefined, (random) =>
      random.pick([1_200, 1_400, 4_000, 9_000, 65_507]),
    ),
    maxStreams: limit('maxStreams', 3, 1e6),
    streamWindow: limit('streamWindow', 2_000, 2 ** 40),
    connectionWindow: limit('connectionWindow', 5_000, 2 ** 40),
    maxStreamWindow: dimension(
      `${side}.maxStreamWindow`,
      DEFAULT_TRANSPORT_OPTIONS.maxStreamWindow,
      (random) => random.pick([1, 20_000, 1_500_000]),
    ),
    sendBufferPerStream: limit('sendBufferPerStream', 1_500, 2 ** 30),
    sendBufferPerConnection: limit('sendBufferPerConnection', 4_000, 2 ** 30),
    undecryptablePackets: limit('undecryptablePackets', 4, 1e6),
    handshakeStreamBytes: limit('handshakeStreamBytes', 4_096, 1 << 20, 512),
    reassemblyPieces: rough(
      `${side}.reassemblyPieces`,
      DEFAULT_TRANSPORT_OPTIONS.reassemblyPieces,
      (random) => random.pick([1, 20, 1e6]),
    ),
    handshakeTimeoutMs: rough(
      `${side}.handshakeTimeoutMs`,
      DEFAULT_TRANSPORT_OPTIONS.handshakeTimeoutMs,
      (random) => random.pick([1_000, 3_000, 60_000]),
    ),
    // One by one each side has either, whichever is the default.
    congestionControl: dimension<CongestionControl>(`${side}.bbr`, 'cubic', () => 'bbr'),
    idleTimeoutMs: rough(`${side}.idleTimeoutMs`, DEFAULT_TRANSPORT_OPTIONS.idleTimeoutMs, (random) =>
      random.pick([500, 5_000, 3_600_000]),
    ),
    maxAckDelayMs: dimension(`${side}.maxAckDelayMs`, DEFAULT_TRANSPORT_OPTIONS.maxAckDelayMs, (random) =>
      random.pick([0, 25, 200]),
    ),
    initialRttMs: dimension(`${side}.initialRttMs`, DEFAULT_TRANSPORT_OPTIONS.initialRttMs, (random) =>
      random.logUniform(1, 1_000),
    ),
    ...dimension(`${side}.windows`, {}, drawWindows),
    ...dimension<Partial<TransportOptions>>(`${side}.keyUpdate`, {}, (random) => ({
      keyUpdatePackets: random.pick([1, 20, 50, 200]),
      keyUpdateMs: random.pick([1, 100, 5_000, 3_600_000]),
    })),
    ...dimension<Partial<TransportOptions>>(`${side}.suspicion`, {}, (random) => ({
      suspectAfterMs: random.logUniform(100, 10_000),
      suspectAfterPtos: random.between(1, 8),
    })),
  };
}

/** So small that transfers of the load fill them several times, and of all relations to what they may grow to. */
function drawWindows(random: SeededRandom): Partial<TransportOptions> {
  const streamWindow = random.logUniform(4_000, 400_000);
  const connectionWindow = streamWindow * random.pick([1, 2, 8]);
  return {
    streamWindow,
    connectionWindow,
    maxStreamWindow: streamWindow * random.pick([1, 3, 10, 100]),
    maxConnectionWindow: connectionWindow * random.pick([1, 3, 10, 100]),
  };
}

/** For the buffers of all that runs on a host; without any, each connection has what it may always hold. */
export function drawBufferBytes(dimension: Dimension, side: string): number {
  return dimension(`${side}.bufferBytes`, DEFAULT_BUFFER_BYTES, (random) =>
    random.pick([0, 20_000, 200_000, 2_000_000]),
  );
}

/** A server that is full refuses, which nobody survives: seldom. */
export function drawEndpointLimits(dimension: Dimension, rough: Dimension): EndpointLimits {
  const retryAboveHalfOpen = dimension(
    'server.retryAboveHalfOpen',
    DEFAULT_ENDPOINT_LIMITS.retryAboveHalfOpen,
    (random) => random.pick([0, 0, 1, 3]),
  );
  const connections = rough<Partial<EndpointLimits>>('server.connections', {}, (random) => {
    if (random.chance(0.7)) return {};
    const draw = (name: keyof EndpointLimits): number =>
      random.pick([1, 2, DEFAULT_ENDPOINT_LIMITS[name], 1e6]);
    return {
      maxConnections: draw('maxConnections'),
      maxConnectionsPerAddress: draw('maxConnectionsPerAddress'),
      maxHalfOpen: draw('maxHalfOpen'),
      maxHalfOpenPerAddress: draw('maxHalfOpenPerAddress'),
    };
  });
  return { ...DEFAULT_ENDPOINT_LIMITS, ...connections, retryAboveHalfOpen };
}

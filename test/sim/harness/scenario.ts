/**
 * What a seed means: every dimension of FAULTS that this version has, drawn as plain data before anything runs. Each
 * dimension is off with probability 1/2, so that each bug finds runs in which the other faults do not hide it (swarm
 * testing). Each draws from a source of its own: a new dimension does not change the others of a seed.
 */
import { CLEAN_LINK, type LinkConditions } from '../../../src/sim/link.js';
import { SeededRandom } from '../../../src/sim/seeded-random.js';
import {
  DEFAULT_TRANSPORT_OPTIONS,
  type TransportOptions,
} from '../../../src/transport/connection/transport-options.js';
import { drawLoad, type Load } from './load.js';

export interface Scenario {
  readonly seed: number;
  /** The dimensions that are on, for the report. */
  readonly dimensions: readonly string[];
  /** `streams` runs on the transport alone, `calls` on the rpc floor over it. */
  readonly floor: 'streams' | 'calls';
  readonly startMs: number;
  readonly eventsPerTurn: number;
  readonly hasIcmp: boolean;
  /** For each client its way to the server and back. */
  readonly clients: readonly { readonly up: LinkConditions; readonly down: LinkConditions }[];
  /** The path MTU of every link becomes this. */
  readonly mtuChange: { readonly atMs: number; readonly bytes: number } | undefined;
  /** `host`: -1 is the server, else the client of that number. */
  readonly pauses: readonly { readonly host: number; readonly atMs: number; readonly forMs: number }[];
  readonly crashes: readonly { readonly host: number; readonly atMs: number; readonly downMs: number }[];
  /** Timers of all hosts are late by up to this. */
  readonly latenessMs: number;
  readonly sendFailureRate: number;
  readonly clientHandshake: HandshakeFaults;
  readonly serverHandshake: HandshakeFaults;
  readonly clientOptions: TransportOptions;
  readonly serverOptions: TransportOptions;
  readonly load: Load;
  /** When all faults stop, after the start. */
  readonly healAfterMs: number;
}

export interface HandshakeFaults {
  /** Each answer takes up to this. */
  readonly delayMs: number;
  readonly failureRate: number;
}

export function drawScenario(seed: number): Scenario {
  const root = new SeededRandom(seed);
  const dimensions: string[] = [];
  /** What `draw` draws when the dimension is on, else `off`. */
  const dimension = <T>(name: string, off: T, draw: (random: SeededRandom) => T): T => {
    const random = root.fork(name);
    if (random.chance(0.5)) return off;
    dimensions.push(name);
    return draw(random);
  };
  // What breaks connections hides what they should have survived: half of the seeds have nothing of it.
  const isRough = dimension('rough', false, () => true);
  const rough: Dimension = (name, off, draw) => (isRough ? dimension(name, off, draw) : off);
  const clientCount = dimension('severalClients', 1, (random) => random.between(2, 4));
  const healAfterMs = root.fork('healAfter').logUniform(1_000, 30_000);
  const links = drawLinks(dimension, rough, clientCount, healAfterMs);
  const clientOptions = drawOptions(dimension, rough, 'client');
  const serverOptions = drawOptions(dimension, rough, 'server');
  return {
    seed,
    dimensions,
    floor: root.fork('floor').chance(0.4) ? 'streams' : 'calls',
    startMs: dimension('clockStart', 0, (random) => random.pick([0.001, 1_000, 1e6 + 0.37, 1e9, 1e12])),
    eventsPerTurn: dimension('eventsPerTurn', 256, (random) => random.logUniform(1, 8)),
    hasIcmp: dimension('noIcmp', true, () => false),
    clients: links,
    mtuChange: dimension('mtuChange', undefined, (random) => ({
      atMs: random.within(0, healAfterMs),
      bytes: random.logUniform(1_200, 65_507),
    })),
    pauses: rough('pauses', [], (random) =>
      Array.from({ length: random.between(1, 3) }, () => ({
        host: random.between(-1, clientCount - 1),
        atMs: random.within(0, healAfterMs),
        forMs: random.logUniform(1, 60_000),
      })),
    ),
    crashes: rough('crashes', [], (random) =>
      // Half of those that the coin turned on: a crash hides much else.
      random.chance(0.5)
        ? []
        : [{ host: -1, atMs: random.within(0, healAfterMs), downMs: random.logUniform(1, 5_000) }],
    ),
    latenessMs: dimension('lateTimers', 0, (random) => random.logUniform(1, 200)),
    sendFailureRate: dimension('failingSends', 0, (random) => random.within(0, 0.2)),
    clientHandshake: drawHandshake(rough, 'clientHandshake'),
    serverHandshake: drawHandshake(rough, 'serverHandshake'),
    clientOptions,
    serverOptions,
    load: drawLoad(root.fork('load'), dimension, {
      clientCount,
      spreadMs: healAfterMs,
      stepBytes: Math.min(stepBytes(clientOptions, false), stepBytes(serverOptions, true)),
    }),
    healAfterMs,
  };
}

export type Dimension = <T>(name: string, off: T, draw: (random: SeededRandom) => T) => T;

/** Which faults there are is decided once for all links; how strong they are, for each direction of each. */
function drawLinks(
  dimension: Dimension,
  rough: Dimension,
  clientCount: number,
  healAfterMs: number,
): Scenario['clients'] {
  type Change = (random: SeededRandom) => Partial<LinkConditions>;
  const changes: [name: string, change: Change][] = [
    [
      'delay',
      (r) => ({
        delayMs: r.chance(0.02) ? r.logUniform(1_000, 14 * 86_400_000) : Math.max(0.05, r.logUniform(0, 750)),
      }),
    ],
    ['loss', (r) => ({ lossRate: r.within(0, r.chance(0.1) ? 0.6 : 0.3) })],
    ['bursts', (r) => ({ burstRate: r.within(0, 0.05), burstLength: r.between(1, 10) })],
    ['blackouts', (r) => ({ blackouts: drawBlackouts(r, healAfterMs) })],
    ['duplication', (r) => ({ duplicationRate: r.within(0, 0.5) })],
    ['lateReplay', (r) => ({ replayRate: r.within(0, 0.2), replayDelayMs: r.logUniform(10, 300_000) })],
    ['jitter', (r) => ({ jitterMs: r.logUniform(1, 1_000) })],
    ['reordering', (r) => ({ reorderRate: r.within(0, 0.3), reorderBy: r.logUniform(1, 64) })],
    ['corruption', (r) => ({ corruptionRate: r.within(0, 0.2) })],
    ['truncation', (r) => ({ truncationRate: r.within(0, 0.2) })],
    ['extension', (r) => ({ extensionRate: r.within(0, 0.2) })],
    ['splicing', (r) => ({ splicingRate: r.within(0, 0.2) })],
    ['rate', (r) => ({ bytesPerMs: r.logUniform(1, 1_250_000), queueDatagrams: r.logUniform(2, 10_000) })],
    ['pathMtu', (r) => ({ maxDatagramBytes: r.logUniform(1_200, 65_507) })],
  ];
  const directions = Array.from({ length: 2 * clientCount }, (): LinkConditions => CLEAN_LINK);
  for (const [name, change] of changes) {
    const draw = BREAKING.includes(name) ? rough : dimension;
    draw(name, undefined, (random) => {
      const isSame = random.chance(0.3);
      const same = change(random);
      directions.forEach((conditions, index) => {
        directions[index] = { ...conditions, ...(isSame ? same : change(random)) };
      });
    });
  }
  return Array.from({ length: clientCount }, (_, index) => ({
    up: directions[2 * index] ?? CLEAN_LINK,
    down: directions[2 * index + 1] ?? CLEAN_LINK,
  }));
}

/** Of the faults of links. */
const BREAKING = ['blackouts'];

/** Times count from the start of the run; the world moves them to its clock. */
function drawBlackouts(random: SeededRandom, healAfterMs: number): LinkConditions['blackouts'] {
  return Array.from({ length: random.between(1, 3) }, () => {
    const startMs = random.within(0, healAfterMs);
    return { startMs, endMs: startMs + random.logUniform(10, 5_000) };
  });
}

function drawHandshake(dimension: Dimension, name: string): HandshakeFaults {
  return dimension(name, { delayMs: 0, failureRate: 0 }, (random) => ({
    delayMs: random.logUniform(1, 12_000),
    failureRate: random.pick([0, 0.1, 0.5]),
  }));
}

/** How much goes out before one has to wait for the other side: what a byte costs in datagrams follows from it. */
function stepBytes(options: TransportOptions, isServer: boolean): number {
  const { sendBufferPerStream, sendBufferPerConnection, streamWindow, connectionWindow } = options;
  const sendBuffer = Math.min(sendBufferPerStream, sendBufferPerConnection);
  // A server grants what a first flight may use, at least.
  return isServer ? sendBuffer : Math.min(sendBuffer, streamWindow, connectionWindow);
}

/** Options that are counts, bytes or times. */
type LimitName = Exclude<keyof TransportOptions, 'congestionControl'>;

/** Every limit from {1, small, default, huge}. */
function drawOptions(dimension: Dimension, rough: Dimension, side: string): TransportOptions {
  // Small windows make everything small: most seeds must have ordinary ones.
  const isLimited = dimension(`${side}.limits`, false, () => true);
  const limit = (name: LimitName, small: number, huge: number): number =>
    isLimited
      ? dimension(`${side}.${name}`, DEFAULT_TRANSPORT_OPTIONS[name], (random) =>
          random.pick([1, small, huge]),
        )
      : DEFAULT_TRANSPORT_OPTIONS[name];
  return {
    ...DEFAULT_TRANSPORT_OPTIONS,
    maxStreams: limit('maxStreams', 3, 1e6),
    streamWindow: limit('streamWindow', 2_000, 2 ** 40),
    connectionWindow: limit('connectionWindow', 5_000, 2 ** 40),
    sendBufferPerStream: limit('sendBufferPerStream', 1_500, 2 ** 30),
    sendBufferPerConnection: limit('sendBufferPerConnection', 4_000, 2 ** 30),
    idleTimeoutMs: rough(`${side}.idleTimeoutMs`, DEFAULT_TRANSPORT_OPTIONS.idleTimeoutMs, (random) =>
      random.pick([500, 5_000, 3_600_000]),
    ),
    maxAckDelayMs: dimension(`${side}.maxAckDelayMs`, DEFAULT_TRANSPORT_OPTIONS.maxAckDelayMs, (random) =>
      random.pick([0, 25, 200]),
    ),
    initialRttMs: dimension(`${side}.initialRttMs`, DEFAULT_TRANSPORT_OPTIONS.initialRttMs, (random) =>
      random.logUniform(1, 1_000),
    ),
  };
}

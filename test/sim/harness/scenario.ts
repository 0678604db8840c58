/**
 * What a seed means: every dimension of FAULTS that this version has, drawn as plain data before anything runs. Each
 * dimension is off with probability 1/2, so that each bug finds runs in which the other faults do not hide it (swarm
 * testing). Each draws from a source of its own: a new dimension does not change the others of a seed.
 */
import { type LinkConditions } from '../../../src/sim/link.js';
import { SeededRandom } from '../../../src/sim/seeded-random.js';
import { type TransportOptions } from '../../../src/transport/connection/transport-options.js';
import { type EndpointLimits } from '../../../src/transport/endpoint/endpoint.js';
import { drawLinks, drawPathMtu } from './draw-links.js';
import { drawBufferBytes, drawEndpointLimits, drawOptions, stepBytes } from './draw-options.js';
import { drawLoad, type Load } from './load.js';
import { AEAD_SUITES, type ProtectionName } from './sim-protection.js';

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
  readonly links: readonly { readonly up: LinkConditions; readonly down: LinkConditions }[];
  /** At how many addresses the server listens; and for each client which of them it asks. */
  readonly serverAddressCount: number;
  readonly askedAddresses: readonly number[];
  /** The path MTU of every link becomes this. */
  readonly mtuChanges: readonly { readonly atMs: number; readonly bytes: number }[];
  readonly moves: readonly Move[];
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
  readonly serverLimits: EndpointLimits;
  readonly protection: ProtectionName;
  /** What all connections of a host may hold in buffers together. */
  readonly clientBufferBytes: number;
  readonly serverBufferBytes: number;
  /** A server that starts again makes the same reset tokens. */
  readonly keepsResetKey: boolean;
  /** Somebody else shakes hands with the server as well, and attacks it. */
  readonly hostilePeer: HostilePlan | undefined;
  readonly load: Load;
  /** When all faults stop, after the start. */
  readonly healAfterMs: number;
}

/**
 * The network gives a client another address, without a word: another port, another IP address, the one that another
 * client gave up last, or its own first again. Where that is not free, another port.
 */
export interface Move {
  readonly client: number;
  readonly atMs: number;
  readonly to: 'port' | 'address' | 'inherited' | 'returned';
}

export interface HostilePlan {
  /** Of one connection, before the violation that ends it; and how far apart at most. */
  readonly datagrams: number;
  readonly pauseMs: number;
}

export interface HandshakeFaults {
  /** Each answer takes up to this. */
  readonly delayMs: number;
  readonly failureRate: number;
  /** Bytes of the other side arrive altered, with a checksum that fits, as from a meddler on the path. */
  readonly alterationRate: number;
}

/** FAULTS: about how many datagrams one seed may take; `isNightly`: of one seed in a hundred more. */
const BUDGET_DATAGRAMS = 10_000;
const LONG_BUDGET_DATAGRAMS = 200_000;

export function drawScenario(seed: number, isNightly = false): Scenario {
  const root = new SeededRandom(seed);
  const isLong = isNightly && root.fork('nightly').chance(0.01);
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
  const serverAddressCount = dimension('serverAddresses', 1, (random) => random.between(2, 3));
  const asked = root.fork('askedAddresses');
  return {
    seed,
    dimensions,
    floor: root.fork('floor').chance(0.4) ? 'streams' : 'calls',
    startMs: dimension('clockStart', 0, (random) => random.pick([0.001, 1_000, 1e6 + 0.37, 1e9, 1e12])),
    eventsPerTurn: dimension('eventsPerTurn', 256, (random) => random.logUniform(1, 8)),
    hasIcmp: dimension('noIcmp', true, () => false),
    links,
    serverAddressCount,
    askedAddresses: links.map(() => asked.between(0, serverAddressCount - 1)),
    mtuChanges: dimension('mtuChange', [], (random) =>
      Array.from({ length: random.between(1, 3) }, () => ({
        atMs: random.within(0, healAfterMs),
        bytes: drawPathMtu(random),
      })),
    ),
    moves: [
      ...rough('moves', [], (random) => drawMoves(random, clientCount, healAfterMs, 100)),
      ...dimension('seldomMoves', [], (random) => drawMoves(random, clientCount, healAfterMs, 3_000)),
    ],
    pauses: rough('pauses', [], (random) =>
      Array.from({ length: random.between(1, 3) }, () => ({
        host: random.between(-1, clientCount - 1),
        atMs: random.within(0, healAfterMs),
        forMs: random.logUniform(1, 60_000),
      })),
    ),
    crashes: rough('crashes', [], (random) =>
      // Half of those that the coin turned on: a crash hides much else.
      random.chance(0.5) ? [] : drawCrashes(random, clientCount, healAfterMs),
    ),
    latenessMs: dimension('lateTimers', 0, (random) => random.logUniform(1, 200)),
    sendFailureRate: dimension('failingSends', 0, (random) => random.within(0, 0.2)),
    clientHandshake: drawHandshake(rough, 'clientHandshake'),
    serverHandshake: drawHandshake(rough, 'serverHandshake'),
    clientOptions,
    serverOptions,
    serverLimits: drawEndpointLimits(dimension, rough),
    // AEAD in a quarter of all seeds, of which each cipher gets its share.
    protection: dimension<ProtectionName>('keys', 'plaintext', (random) =>
      random.chance(0.5) ? 'checksum' : random.pick(AEAD_SUITES),
    ),
    clientBufferBytes: drawBufferBytes(dimension, 'client'),
    serverBufferBytes: drawBufferBytes(dimension, 'server'),
    hostilePeer: dimension<HostilePlan | undefined>('hostilePeer', undefined, (random) => ({
      datagrams: random.logUniform(1, 300),
      pauseMs: random.logUniform(1, 300),
    })),
    keepsResetKey: dimension('resetKeyKept', false, () => true),
    load: drawLoad(root.fork('load'), dimension, {
      clientCount,
      spreadMs: healAfterMs,
      stepBytes: Math.min(stepBytes(clientOptions, false), stepBytes(serverOptions, true)),
      budgetDatagrams: isLong ? LONG_BUDGET_DATAGRAMS : BUDGET_DATAGRAMS,
    }),
    healAfterMs,
  };
}

/** All that some seed draws: nothing else knows them. */
export function allDimensions(): readonly string[] {
  const names = new Set<string>();
  for (let seed = 0; seed < SEEDS_THAT_DRAW_ALL; seed++) {
    for (const name of drawScenario(seed).dimensions) names.add(name);
  }
  return [...names].sort();
}

export type Dimension = <T>(name: string, off: T, draw: (random: SeededRandom) => T) => T;

function drawMoves(random: SeededRandom, clientCount: number, healAfterMs: number, leastMs: number): Move[] {
  const moves: Move[] = [];
  for (let client = 0; client < clientCount; client++) {
    if (random.chance(0.3)) continue;
    const everyMs = random.logUniform(leastMs, 10_000);
    for (let atMs = random.within(0, everyMs); atMs < healAfterMs; atMs += everyMs) {
      if (moves.length < MOST_MOVES) {
        moves.push({ client, atMs, to: random.pick(['port', 'address', 'inherited', 'returned'] as const) });
      }
    }
  }
  return moves;
}

/** Of the server in most cases, where more is at stake. */
function drawCrashes(random: SeededRandom, clientCount: number, healAfterMs: number): Scenario['crashes'] {
  return Array.from({ length: random.between(1, 2) }, () => ({
    host: random.chance(0.7) ? -1 : random.between(0, clientCount - 1),
    atMs: random.within(0, healAfterMs),
    downMs: random.logUniform(1, 5_000),
  }));
}

function drawHandshake(dimension: Dimension, name: string): HandshakeFaults {
  const none = { delayMs: 0, failureRate: 0, alterationRate: 0 };
  return dimension(name, none, (random) => ({
    delayMs: random.logUniform(1, 12_000),
    failureRate: random.pick([0, 0.1, 0.5]),
    alterationRate: random.pick([0, 0, 0.3]),
  }));
}

const MOST_MOVES = 100;
/** The rarest is on in one of eight. */
const SEEDS_THAT_DRAW_ALL = 300;

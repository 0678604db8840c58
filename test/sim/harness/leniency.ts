/**
 * What a scenario excuses, and what it does not: which ends its network and its hosts may bring about, and how long
 * things may take. Facts about the plan alone; whoever finds something late or ended asks here whether that may be.
 */
import { type LinkConditions } from '../../../src/sim/link.js';
import {
  DEFAULT_TRANSPORT_OPTIONS,
  type TransportOptions,
} from '../../../src/transport/connection/transport-options.js';
import { DEFAULT_ENDPOINT_LIMITS } from '../../../src/transport/endpoint/endpoint.js';
import { TransportErrorCode } from '../../../src/transport/transport-error.js';
import { type Scenario } from './scenario.js';

/** All faults but a little delay are over then. */
export const HEALED_DELAY_MS = 100;

/**
 * A first flight may come to a server that does not know its connection (any more): the network repeats it, or the
 * client does after the server's handshake failed or its idle timeout passed.
 */
export function mayReplayFirstFlights(scenario: Scenario): boolean {
  const { crashes, pauses, links, serverHandshake, serverOptions, clientOptions } = scenario;
  return (
    crashes.length + pauses.length > 0 ||
    mayRefuse(scenario) ||
    mayRetry(scenario) ||
    serverHandshake.failureRate + serverHandshake.alterationRate > 0 ||
    serverOptions.handshakeTimeoutMs < DEFAULT_TRANSPORT_OPTIONS.handshakeTimeoutMs ||
    serverOptions.reassemblyPieces < DEFAULT_TRANSPORT_OPTIONS.reassemblyPieces ||
    Math.min(serverOptions.idleTimeoutMs, clientOptions.idleTimeoutMs) < LONGEST_HANDSHAKE_MS ||
    links.some(({ up }) => up.replayRate + up.duplicationRate + up.splicingRate > 0 || up.delayMs > 1_000)
  );
}

/** The server may be full, as far as it knows: connections of clients that are gone count too. */
export function mayRefuse({ serverLimits }: Scenario): boolean {
  return Object.entries(serverLimits).some(
    ([name, limit]) =>
      name !== 'retryAboveHalfOpen' &&
      limit < DEFAULT_ENDPOINT_LIMITS[name as keyof typeof DEFAULT_ENDPOINT_LIMITS],
  );
}

/** One hello of a client may be answered with a RETRY and another, or what the network repeats of it, not. */
export function mayRetry({ serverLimits }: Scenario): boolean {
  return serverLimits.retryAboveHalfOpen < DEFAULT_ENDPOINT_LIMITS.retryAboveHalfOpen;
}

/** A server that was restarted, and has other keys now, takes the hello after a RETRY for a first one. */
function mayForgetRetries(scenario: Scenario): boolean {
  const { crashes, keepsResetKey } = scenario;
  return mayRetry(scenario) && !keepsResetKey && crashes.some(({ host }) => host === -1);
}

/**
 * The network is bad at most in ways that a connection survives: nothing excuses its end while something is under
 * way, or a client that waits long for an answer once all is well again.
 */
export function isForgiving(scenario: Scenario): boolean {
  const { crashes, pauses, moves, links, sendFailureRate, clientHandshake, serverHandshake } = scenario;
  return (
    crashes.length + pauses.length === 0 &&
    movesSeldom(moves, links) &&
    !mayRefuse(scenario) &&
    isPatient(scenario.clientOptions) &&
    isPatient(scenario.serverOptions) &&
    Math.max(clientHandshake.delayMs, serverHandshake.delayMs) < 1_000 &&
    clientHandshake.failureRate + serverHandshake.failureRate === 0 &&
    clientHandshake.alterationRate + serverHandshake.alterationRate === 0 &&
    links.every(({ up, down }) => isSurvivable(up, sendFailureRate) && isSurvivable(down, sendFailureRate))
  );
}

/** A client that moves in the middle of a handshake is not followed: it tries again when that has timed out. */
export function mayLoseHandshakes({ moves }: Scenario): boolean {
  return moves.length > 0;
}

/** How long one small exchange may take after healing: what was lost before is found by a PTO that backed off. */
export function promptMs(scenario: Scenario): number {
  const { links, latenessMs, load } = scenario;
  const handshakeMs = mayLoseHandshakes(scenario) ? LONGEST_HANDSHAKE_MS : 0;
  let longestRtt = 0;
  for (const { up, down } of links) {
    longestRtt = Math.max(longestRtt, up.delayMs + up.jitterMs + down.delayMs + down.jitterMs);
  }
  const steps = (SMALL_CALL_BYTES + load.livenessBytes) / load.stepBytes;
  return (
    3_000 +
    handshakeMs +
    TIMERS_IN_A_ROW * latenessMs +
    RTTS_AFTER_HEALING * longestRtt +
    4 * HEALED_DELAY_MS * steps
  );
}

/** How much later than it should something may happen on this client. */
export function slackMs({ pauses, latenessMs }: Scenario, client: number): number {
  let slack = 1 + TIMERS_IN_A_ROW * latenessMs;
  for (const { host, forMs } of pauses) if (host === client) slack += forMs;
  return slack;
}

/** Two honest endpoints have nothing to reproach each other with but this. */
export function harmlessCodes(scenario: Scenario): ReadonlySet<number> {
  const { clientOptions, serverOptions, clientHandshake, serverHandshake } = scenario;
  const codes = new Set<number>([
    TransportErrorCode.NO_ERROR,
    TransportErrorCode.CONNECTION_REFUSED,
    TransportErrorCode.HANDSHAKE_FAILED,
  ]);
  if (
    Math.min(clientOptions.reassemblyPieces, serverOptions.reassemblyPieces) <
    DEFAULT_TRANSPORT_OPTIONS.reassemblyPieces
  ) {
    codes.add(TransportErrorCode.RESOURCE_LIMIT);
  }
  if (clientHandshake.alterationRate + serverHandshake.alterationRate > 0 || mayForgetRetries(scenario)) {
    codes.add(TransportErrorCode.TRANSPORT_PARAMETER_ERROR);
  }
  return codes;
}

/** A client that moves again before it is found can be lost for good. */
function movesSeldom(moves: Scenario['moves'], links: Scenario['links']): boolean {
  if (moves.length === 0) return true;
  const isNear = links.every(({ up, down }) => up.delayMs + up.jitterMs + down.delayMs + down.jitterMs < 500);
  return isNear && moves.every((move) => moves.every((other) => isApart(move, other)));
}

function isApart(one: Scenario['moves'][number], other: Scenario['moves'][number]): boolean {
  return one === other || one.client !== other.client || Math.abs(one.atMs - other.atMs) >= 3_000;
}

function isPatient(options: TransportOptions): boolean {
  const { idleTimeoutMs, handshakeTimeoutMs, reassemblyPieces } = options;
  return (
    idleTimeoutMs >= DEFAULT_TRANSPORT_OPTIONS.idleTimeoutMs &&
    handshakeTimeoutMs >= DEFAULT_TRANSPORT_OPTIONS.handshakeTimeoutMs &&
    reassemblyPieces >= DEFAULT_TRANSPORT_OPTIONS.reassemblyPieces
  );
}

function isSurvivable(link: LinkConditions, sendFailureRate: number): boolean {
  const { blackouts, delayMs, lossRate, burstRate, bytesPerMs, goodPeriodMs, badPeriodMs } = link;
  const damageRate = link.corruptionRate + link.truncationRate + link.splicingRate + link.extensionRate;
  const isClear = lossRate + burstRate * link.burstLength + damageRate + sendFailureRate < 0.45;
  const isMostlyGood = badPeriodMs < 200 && badPeriodMs <= goodPeriodMs / 4;
  return (
    blackouts.length === 0 &&
    delayMs < 1_000 &&
    isClear &&
    isMostlyGood &&
    bytesPerMs >= 100 &&
    link.queueDatagrams >= 50
  );
}

const LONGEST_HANDSHAKE_MS = 10_000;
/** Request and answer with all that stands around them. */
const SMALL_CALL_BYTES = 300;
/** The PTO backs off to four round trips, and a window that was cut takes some to grow. */
const RTTS_AFTER_HEALING = 12;
/** A deadline may be found by a timer that was set by a timer. */
const TIMERS_IN_A_ROW = 3;

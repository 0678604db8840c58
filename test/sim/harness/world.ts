/**
 * A scenario brought to life: the network with a server and its clients, their faults at their times, the trace, the
 * wire tap, and the transport's own invariants, checked after every turn. What runs over it is a load's business.
 */
import { crc32 } from 'node:zlib';
import { CLEAN_LINK, type LinkConditions } from '../../../src/sim/link.js';
import { SeededRandom } from '../../../src/sim/seeded-random.js';
import { SimAcceptor } from '../../../src/sim/sim-acceptor.js';
import { SimConnector } from '../../../src/sim/sim-connector.js';
import { type SimEndpointOptions } from '../../../src/sim/sim-endpoint.js';
import { createSimHandshake } from '../../../src/sim/sim-handshake.js';
import { type SimHost } from '../../../src/sim/sim-host.js';
import { SimLoop } from '../../../src/sim/sim-loop.js';
import { SimNetwork } from '../../../src/sim/sim-network.js';
import { Trace } from '../../../src/sim/trace.js';
import { VirtualClock } from '../../../src/sim/virtual-clock.js';
import {
  DEFAULT_TRANSPORT_OPTIONS,
  type TransportOptions,
} from '../../../src/transport/connection/transport-options.js';
import { type Address } from '../../../src/transport/path/path.js';
import { type ConnectionClosed, TransportErrorCode } from '../../../src/transport/transport-error.js';
import { type Coverage } from './coverage.js';
import { EndpointWatch } from './endpoint-watch.js';
import { type HandshakeFaults, type Scenario } from './scenario.js';
import { check } from './violation.js';
import { frameName, WireTap } from './wire-tap.js';

export const SERVER_ADDRESS: Address = { ip: '10.0.0.1', port: 5_005 };

export class World {
  readonly scenario: Scenario;
  readonly clock: VirtualClock;
  readonly loop: SimLoop;
  readonly trace: Trace;
  readonly random: SeededRandom;
  readonly network: SimNetwork;
  readonly server: SimHost;
  readonly clients: readonly SimHost[];
  readonly acceptor: SimAcceptor;
  readonly connectors: readonly SimConnector[];
  /** Load adds its own. */
  readonly invariants: (() => void)[] = [];
  readonly #coverage: Coverage;
  readonly #watch = new EndpointWatch();
  readonly #tap = new WireTap({
    isServer: (ip) => ip === SERVER_ADDRESS.ip,
    onFrame: (type, space) => {
      this.count(`frame/${space === 0 ? 'HELLO' : 'PROTECTED'} ${frameName(type)}`);
    },
  });
  #isHealed = false;
  #failure: unknown;

  constructor(scenario: Scenario, coverage: Coverage, keptTraceLines: number) {
    this.scenario = scenario;
    this.#coverage = coverage;
    this.clock = new VirtualClock(scenario.startMs);
    this.trace = new Trace(keptTraceLines);
    this.random = new SeededRandom(scenario.seed).fork('world');
    this.loop = new SimLoop(this.clock, {
      afterTurn: () => {
        this.#afterTurn();
      },
      eventsPerTurn: scenario.eventsPerTurn,
    });
    this.network = new SimNetwork({
      clock: this.clock,
      random: this.random.fork('network'),
      trace: this.trace,
      digest: crc32,
      hasIcmp: scenario.hasIcmp,
    });
    this.#listen();
    this.server = this.#addHost(SERVER_ADDRESS.ip);
    this.clients = scenario.clients.map((_, index) => this.#addHost(`10.0.1.${index + 1}`));
    this.#setLinks();
    this.acceptor = new SimAcceptor(
      this.#endpointOptions(this.server, scenario.serverOptions, scenario.serverHandshake),
    );
    this.connectors = this.clients.map((host) => {
      const options = this.#endpointOptions(host, scenario.clientOptions, scenario.clientHandshake);
      return this.#watched(new SimConnector(options, SERVER_ADDRESS));
    });
    this.#scheduleFaults();
  }

  get isHealed(): boolean {
    return this.#isHealed;
  }

  /** Virtual time at which all faults have stopped. */
  get healsAt(): number {
    return this.scenario.startMs + this.scenario.healAfterMs;
  }

  count(name: string, count = 1): void {
    this.#coverage.add(this.scenario.seed, name, count);
  }

  note(text: string): void {
    this.trace.line(this.clock.now(), text);
  }

  /** To be called after the acceptor listens, each time: its endpoint is watched. */
  onListening(): void {
    const endpoint = this.acceptor.endpoint;
    if (endpoint !== undefined) this.#watch.add('server', endpoint);
  }

  /**
   * A first flight may come to a server that does not know its connection (any more): the network repeats it, or the
   * client does after the server's handshake failed or its idle timeout passed.
   */
  get mayReplayFirstFlights(): boolean {
    const { crashes, pauses, clients, serverHandshake, serverOptions, clientOptions } = this.scenario;
    return (
      crashes.length + pauses.length > 0 ||
      serverHandshake.failureRate > 0 ||
      Math.min(serverOptions.idleTimeoutMs, clientOptions.idleTimeoutMs) < LONGEST_HANDSHAKE_MS ||
      clients.some(({ up }) => up.replayRate + up.duplicationRate + up.splicingRate > 0 || up.delayMs > 1_000)
    );
  }

  /**
   * The network is bad at most in ways that a connection survives: nothing excuses its end while something is under
   * way, or a client that waits long for an answer once all is well again.
   */
  get isForgiving(): boolean {
    const { crashes, pauses, clients, sendFailureRate } = this.scenario;
    const { clientOptions, serverOptions, clientHandshake, serverHandshake } = this.scenario;
    const mustSurvive = Math.min(clientOptions.idleTimeoutMs, serverOptions.idleTimeoutMs);
    return (
      crashes.length + pauses.length === 0 &&
      mustSurvive >= DEFAULT_TRANSPORT_OPTIONS.idleTimeoutMs &&
      Math.max(clientHandshake.delayMs, serverHandshake.delayMs) < 1_000 &&
      clientHandshake.failureRate + serverHandshake.failureRate === 0 &&
      clients.every(
        ({ up, down }) => isSurvivable(up, sendFailureRate) && isSurvivable(down, sendFailureRate),
      )
    );
  }

  /** How long one small exchange may take after healing: what was lost before is found by a PTO that backed off. */
  get promptMs(): number {
    const { clients, latenessMs, load } = this.scenario;
    let longestRtt = 0;
    for (const { up, down } of clients) {
      longestRtt = Math.max(longestRtt, up.delayMs + up.jitterMs + down.delayMs + down.jitterMs);
    }
    const steps = (SMALL_CALL_BYTES + load.livenessBytes) / load.stepBytes;
    return (
      3_000 + TIMERS_IN_A_ROW * latenessMs + RTTS_AFTER_HEALING * longestRtt + 4 * HEALED_DELAY_MS * steps
    );
  }

  clientHost(index: number): SimHost {
    const host = this.clients[index];
    check(host !== undefined, () => `no client ${index}`);
    return host;
  }

  /** How much later than it should something may happen on this client. */
  slackMs(client: number): number {
    const { pauses, latenessMs } = this.scenario;
    let slackMs = 1 + TIMERS_IN_A_ROW * latenessMs;
    for (const { host, forMs } of pauses) if (host === client) slackMs += forMs;
    return slackMs;
  }

  /** Ends the run at the end of the turn: for what is found out where throwing would be caught by others. */
  fail(error: unknown): void {
    this.#failure ??= error;
  }

  /** Two honest endpoints never have anything to reproach each other with. `isInUse`: a client waits for an answer. */
  onClosed(who: string, closed: ConnectionClosed, isInUse: boolean): void {
    const code = closed.isApplication ? `application ${closed.code}` : errorName(closed.code);
    this.count(`closed/${closed.by} ${code}`);
    this.note(`${who} closed by ${closed.by} ${code} ${closed.reason}`);
    check(
      closed.isApplication || HARMLESS_CODES.has(closed.code),
      () => `${who}: connection closed by ${closed.by} with ${code}: ${closed.reason}`,
    );
    const isForgotten = closed.by === 'idle' || closed.by === 'handshakeTimeout';
    check(!isForgotten || !isInUse || !this.isForgiving, () => `${who}: in use, and ${closed.reason}`);
  }

  /** Server crash and restart: `restart` makes a new server of it. */
  restart: () => void = () => undefined;

  openStreams(): number {
    return this.#watch.openStreams();
  }

  /** What is left when everything was closed. */
  checkResources(): void {
    this.#watch.checkEmpty((localId) => this.#tap.arrivedFor(localId));
    check(
      this.clock.pendingTimers === 0,
      () => `${this.clock.pendingTimers} timers armed when all is closed`,
    );
  }

  reportDrops(): void {
    for (const [reason, count] of this.#watch.drops()) this.count(`drop/${reason}`, count);
    this.count('work/turns', this.loop.turns);
    this.count('work/maxConnections', this.#watch.maxConnections);
  }

  #listen(): void {
    this.network.observer = {
      onSent: (datagram) => {
        this.count('work/datagrams');
        this.#tap.onSent(datagram);
      },
      onDelivered: (datagram) => {
        this.#tap.onDelivered(datagram);
      },
      onFate: (fate) => {
        this.count(`fate/${fate}`);
      },
    };
  }

  #addHost(ip: string): SimHost {
    const host = this.network.addHost(ip);
    const random = this.random.fork(`lateness ${ip}`);
    const { latenessMs } = this.scenario;
    if (latenessMs > 0) host.lateness = () => (this.#isHealed ? 0 : random.within(0, latenessMs));
    return host;
  }

  #setLinks(): void {
    const { startMs, clients } = this.scenario;
    this.clients.forEach((host, index) => {
      const plan = clients[index];
      if (plan === undefined) return;
      for (const [from, to, conditions] of [
        [host.ip, SERVER_ADDRESS.ip, plan.up],
        [SERVER_ADDRESS.ip, host.ip, plan.down],
      ] as const) {
        const blackouts = conditions.blackouts.map((one) => ({
          startMs: startMs + one.startMs,
          endMs: startMs + one.endMs,
        }));
        this.network.link(from, to).conditions = { ...conditions, blackouts };
      }
    });
  }

  #endpointOptions(host: SimHost, transport: TransportOptions, faults: HandshakeFaults): SimEndpointOptions {
    const random = this.random.fork(`endpoint ${host.ip}`);
    const handshakes = this.random.fork(`handshake ${host.ip}`);
    return {
      network: this.network,
      host,
      random,
      checksum: crc32,
      transport,
      touch: this.loop.touch,
      wrapHandshake: (inner) =>
        createSimHandshake(inner, host.clock(), () => {
          const fails = !this.#isHealed && handshakes.chance(faults.failureRate);
          if (fails) this.count('fault/handshakeFailure');
          return {
            delayMs: () =>
              this.#isHealed || faults.delayMs === 0 ? 0 : handshakes.within(0, faults.delayMs),
            failure: fails ? 'planned to fail' : undefined,
          };
        }),
    };
  }

  #watched(connector: SimConnector): SimConnector {
    const { socket } = connector.endpoint;
    this.#watch.add(`client ${socket.address.ip}`, connector.endpoint);
    const { sendFailureRate } = this.scenario;
    const random = this.random.fork(`failing sends ${socket.address.ip}`);
    socket.isSendFailing = () => !this.#isHealed && random.chance(sendFailureRate);
    return connector;
  }

  #scheduleFaults(): void {
    const { pauses, crashes, mtuChange, healAfterMs } = this.scenario;
    const hostOf = (index: number): SimHost =>
      index === -1 ? this.server : (this.clients[index] ?? this.server);
    for (const { host, atMs, forMs } of pauses) {
      this.clock.setTimer(() => {
        this.note(`pause ${hostOf(host).ip} ${forMs}`);
        this.count('fault/pause');
        // All faults end when the network heals.
        hostOf(host).pause(Math.min(this.clock.now() + forMs, this.healsAt));
      }, atMs);
    }
    for (const { atMs, downMs } of crashes) {
      this.clock.setTimer(() => {
        this.count('fault/crash');
        this.network.crash(this.server);
        this.#watch.remove('server');
        this.clock.setTimer(
          () => {
            this.note('restart');
            this.loop.touch();
            this.restart();
          },
          Math.min(downMs, this.healsAt - this.clock.now()),
        );
      }, atMs);
    }
    if (mtuChange !== undefined) {
      this.clock.setTimer(() => {
        this.network.changeLinks((conditions) => ({ ...conditions, maxDatagramBytes: mtuChange.bytes }));
      }, mtuChange.atMs);
    }
    this.clock.setTimer(() => {
      this.#heal();
    }, healAfterMs);
  }

  #heal(): void {
    this.#isHealed = true;
    this.note('healed');
    this.network.changeLinks(({ delayMs }) => ({
      ...CLEAN_LINK,
      delayMs: Math.min(delayMs, HEALED_DELAY_MS),
    }));
  }

  #afterTurn(): void {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- as it was thrown
    if (this.#failure !== undefined) throw this.#failure;
    this.#watch.check();
    for (const invariant of this.invariants) invariant();
    check(
      this.loop.turns < MAX_TURNS,
      () => `${this.loop.turns} turns: more work than any scenario asks for`,
    );
  }
}

function isSurvivable(link: LinkConditions, sendFailureRate: number): boolean {
  const { blackouts, delayMs, lossRate, burstRate, bytesPerMs } = link;
  const damageRate = link.corruptionRate + link.truncationRate + link.splicingRate + link.extensionRate;
  const isClear = lossRate + burstRate * link.burstLength + damageRate + sendFailureRate < 0.45;
  return (
    blackouts.length === 0 && delayMs < 1_000 && isClear && bytesPerMs >= 100 && link.queueDatagrams >= 50
  );
}

function errorName(code: number): string {
  return Object.entries(TransportErrorCode).find(([, value]) => value === code)?.[0] ?? `code ${code}`;
}

const HARMLESS_CODES: ReadonlySet<number> = new Set([
  TransportErrorCode.NO_ERROR,
  TransportErrorCode.CONNECTION_REFUSED,
  TransportErrorCode.HANDSHAKE_FAILED,
]);
const LONGEST_HANDSHAKE_MS = 10_000;
/** Request and answer with all that stands around them. */
const SMALL_CALL_BYTES = 300;
const HEALED_DELAY_MS = 100;
/** The PTO backs off to four round trips, and a window that was cut takes some to grow. */
const RTTS_AFTER_HEALING = 12;
/** A deadline may be found by a timer that was set by a timer. */
const TIMERS_IN_A_ROW = 3;
const MAX_TURNS = 2_000_000;

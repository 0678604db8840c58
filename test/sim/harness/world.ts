/**
 * A scenario brought to life: the network with a server and its clients, their faults at their times, the trace, the
 * wire tap, and the transport's own invariants, checked after every turn. What runs over it is a load's business.
 */
import { crc32 } from 'node:zlib';
import { CLEAN_LINK, type Datagram } from '../../../src/sim/link.js';
import { SeededRandom } from '../../../src/sim/seeded-random.js';
import { SimAcceptor } from '../../../src/sim/sim-acceptor.js';
import { SimConnector } from '../../../src/sim/sim-connector.js';
import { type SimEndpointOptions } from '../../../src/sim/sim-endpoint.js';
import { createSimHandshake } from '../../../src/sim/sim-handshake.js';
import { type SimHost } from '../../../src/sim/sim-host.js';
import { SimLoop } from '../../../src/sim/sim-loop.js';
import { SimNetwork, type SimSocket } from '../../../src/sim/sim-network.js';
import { Trace } from '../../../src/sim/trace.js';
import { VirtualClock } from '../../../src/sim/virtual-clock.js';
import { type TransportOptions } from '../../../src/transport/connection/transport-options.js';
import { type Path } from '../../../src/transport/path/path.js';
import { type HandshakeContext } from '../../../src/transport/protection/handshake.js';
import { BufferBudget } from '../../../src/transport/stream/buffer-budget.js';
import { type ConnectionClosed, TransportErrorCode } from '../../../src/transport/transport-error.js';
import {
  decodeTransportParameters,
  DEFAULT_TRANSPORT_PARAMETERS,
} from '../../../src/transport/wire/transport-parameters.js';
import { type Coverage } from './coverage.js';
import { EndpointWatch } from './endpoint-watch.js';
import { FaultSchedule } from './fault-schedule.js';
import { harmlessCodes, HEALED_DELAY_MS, isForgiving, mayLoseHandshakes } from './leniency.js';
import { HostileClient } from './hostile-client.js';
import { type HandshakeFaults, type HostilePlan, type Scenario } from './scenario.js';
import { type SimProtection, simProtection } from './sim-protection.js';
import { TokenWatch } from './token-watch.js';
import { check } from './violation.js';
import { frameName, WireTap } from './wire-tap.js';

const SERVER_IPS = ['10.0.0.1', '10.0.0.2', '10.0.0.3'] as const;
const SERVER_PORT = 5_005;
const HOSTILE_IP = '10.0.9.1';
/** Where a server listens, as far as its user says. */
export const LISTEN_ADDRESS = `${SERVER_IPS[0]}:${SERVER_PORT}`;

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
  /** Load adds its own. */
  readonly invariants: (() => void)[] = [];
  readonly #coverage: Coverage;
  readonly #connectors: SimConnector[];
  readonly #watch = new EndpointWatch();
  readonly #protection: SimProtection;
  readonly #tokens = new TokenWatch();
  readonly #tap = new WireTap({
    protection: () => this.#protection,
    isServer: (ip) => SERVER_IPS.includes(ip as (typeof SERVER_IPS)[0]),
    mostStreamWindow: (isServer) => {
      const { maxStreamWindow, streamWindow } = isServer
        ? this.scenario.serverOptions
        : this.scenario.clientOptions;
      return Math.max(maxStreamWindow, streamWindow, DEFAULT_TRANSPORT_PARAMETERS.initialMaxStreamData);
    },
    keepsResetKey: () => this.scenario.keepsResetKey,
    isValidated: (server, client) => {
      const isValidated = this.#watch.isValidated(server, client);
      if (isValidated) this.count('excuse/a path that only the server knows to be validated');
      return isValidated;
    },
    onFrame: (type, space) => {
      this.count(`frame/${space === 0 ? 'HELLO' : 'PROTECTED'} ${frameName(type)}`);
    },
    onToken: (kind) => {
      this.count(`token/${kind}`);
    },
  });
  readonly #harmlessCodes: ReadonlySet<number>;
  readonly #isForgiving: boolean;
  readonly #hostile: HostileClient | undefined;
  /** By servers, in scenarios with moves; each may be the reason of one reset. */
  #lostHandshakes = 0;
  #isHealed = false;
  #failure: unknown;

  constructor(scenario: Scenario, coverage: Coverage, keptTraceLines: number) {
    this.scenario = scenario;
    this.#protection = simProtection(scenario.protection);
    this.#coverage = coverage;
    this.#harmlessCodes = harmlessCodes(scenario);
    this.#isForgiving = isForgiving(scenario);
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
    this.server = this.#addHost(SERVER_IPS[0], scenario.serverBufferBytes);
    this.clients = scenario.links.map((_, index) =>
      this.#addHost(`10.0.1.${index + 1}`, scenario.clientBufferBytes),
    );
    this.#setLinks();
    this.#hostile = this.#addHostile(scenario.hostilePeer);
    this.acceptor = new SimAcceptor({
      ...this.#endpointOptions(this.server, scenario.serverOptions, scenario.serverHandshake),
      limits: scenario.serverLimits,
      ...(scenario.keepsResetKey && { resetKey: this.random.fork('reset key').bytes(32) }),
      ips: [SERVER_IPS[0], ...SERVER_IPS.slice(1, scenario.serverAddressCount)],
    });
    this.#connectors = this.clients.map((_, index) => this.#createConnector(index));
    const faults = new FaultSchedule(this);
    this.clock.setTimer(() => {
      faults.end();
      this.#heal();
    }, scenario.healAfterMs);
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
    if (endpoint !== undefined) this.#watch.add('server', endpoint, this.server);
  }

  clientHost(index: number): SimHost {
    const host = this.clients[index];
    check(host !== undefined, () => `no client ${index}`);
    return host;
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
      closed.isApplication || this.#harmlessCodes.has(closed.code),
      () => `${who}: connection closed by ${closed.by} with ${code}: ${closed.reason}`,
    );
    if (closed.by === 'reset' && this.#isForgiving) this.#checkReset(who);
    const isForgotten = closed.by === 'idle' || closed.by === 'handshakeTimeout';
    if (!isForgotten || !isInUse || !this.#isForgiving) return;
    const isExcused = closed.by === 'handshakeTimeout' && mayLoseHandshakes(this.scenario);
    if (isExcused) this.count('excuse/a handshake that a move has cut');
    check(isExcused, () => `${who}: in use, and ${closed.reason}`);
  }

  /** The server knows nothing of a connection whose handshake it gave up, because its client moved in the middle. */
  #checkReset(who: string): void {
    check(this.#lostHandshakes > 0, () => `${who}: reset, and its server lives`);
    this.count('excuse/a reset after a handshake that a move has cut');
    this.#lostHandshakes--;
  }

  /** The server's end of a connection. What a hostile peer does may end its own, and never by an error of ours. */
  onServerClosed(peer: string, closed: ConnectionClosed): void {
    if (!isHostilePeer(peer)) {
      if (closed.by === 'handshakeTimeout' && mayLoseHandshakes(this.scenario)) this.#lostHandshakes++;
      this.onClosed('server', closed, false);
      return;
    }
    const code = closed.isApplication ? `application ${closed.code}` : errorName(closed.code);
    this.count(`hostile/closed by ${closed.by} ${code}`);
    this.note(`hostile closed by ${closed.by} ${code} ${closed.reason}`);
    check(
      closed.isApplication || closed.code !== TransportErrorCode.INTERNAL_ERROR,
      () => `a hostile peer makes the server fail: ${closed.reason}`,
    );
  }

  /** Of the client as it runs now. */
  connector(client: number): SimConnector {
    const connector = this.#connectors[client];
    check(connector !== undefined, () => `no client ${client}`);
    return connector;
  }

  clientSocket(client: number): SimSocket {
    return this.connector(client).endpoint.socket;
  }

  onCrash(host: number): void {
    this.#watch.remove(host === -1 ? 'server' : `client ${host}`);
    if (host === -1) this.#tokens.onCrash();
    else this.clientIsLost(host);
  }

  onRestart(host: number): void {
    this.loop.touch();
    if (host === -1) {
      this.serverRestarts();
      return;
    }
    this.#connectors[host] = this.#createConnector(host);
    this.clientRestarts(host);
  }

  // What the load does then.

  /** Makes a new server. */
  serverRestarts: () => void = () => undefined;
  /** Nothing will be heard any more of what this client had under way. */
  clientIsLost: (client: number) => void = () => undefined;
  /** Makes a new client, with its new connector. */
  clientRestarts: (client: number) => void = () => undefined;

  openStreams(): number {
    return this.#watch.openStreams();
  }

  /** What is left when everything was closed. */
  checkResources(): void {
    this.#watch.checkEmpty((localId) => {
      const arrived = this.#tap.arrivedFor(localId);
      if (arrived === undefined) this.count('excuse/packets that several may have sent');
      return arrived;
    });
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
        if (!isHostile(datagram)) this.#tap.onSent(datagram);
      },
      onDelivered: (datagram) => {
        if (!isHostile(datagram)) this.#tap.onDelivered(datagram);
      },
      onFate: (fate) => {
        this.count(`fate/${fate}`);
      },
    };
  }

  #addHost(ip: string, bufferBytes: number): SimHost {
    const host = this.network.addHost(ip);
    host.buffers = new BufferBudget(bufferBytes);
    const random = this.random.fork(`lateness ${ip}`);
    const { latenessMs } = this.scenario;
    if (latenessMs > 0) host.lateness = () => (this.#isHealed ? 0 : random.within(0, latenessMs));
    return host;
  }

  #addHostile(plan: HostilePlan | undefined): HostileClient | undefined {
    if (plan === undefined) return undefined;
    return new HostileClient({
      network: this.network,
      host: this.network.addHost(HOSTILE_IP),
      random: this.random.fork('hostile peer'),
      checksum: crc32,
      protection: this.#protection,
      victim: { ip: SERVER_IPS[0], port: SERVER_PORT },
      datagrams: plan.datagrams,
      pauseMs: plan.pauseMs,
      count: (name) => {
        this.count(name);
      },
    });
  }

  #setLinks(): void {
    const { startMs, links } = this.scenario;
    this.clients.forEach((host, index) => {
      const plan = links[index];
      if (plan === undefined) return;
      for (const [from, to, conditions] of [
        [host.ip, this.server.ip, plan.up],
        [this.server.ip, host.ip, plan.down],
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
    const random = this.random.fork(`endpoint ${host.ip} ${this.clock.now()}`);
    const handshakes = this.random.fork(`handshake ${host.ip}`);
    return {
      network: this.network,
      host,
      random,
      checksum: crc32,
      helloProtection: this.#protection.helloProtection,
      transport,
      touch: this.loop.touch,
      observe: (facts) => {
        try {
          this.#tokens.onConnection(facts);
        } catch (error) {
          this.fail(error);
        }
        return this.#watch.observe({
          name: host.ip,
          facts,
          buffers: host.buffers,
          isProven: (path) => this.#isProven(path),
          fail: (error) => {
            this.fail(error);
          },
          count: (name) => {
            this.count(name);
          },
        });
      },
      wrapHandshake: (inner) =>
        createSimHandshake(this.#protection.wrapHandshake(inner), host.clock(), (context) => {
          const fails = !this.#isHealed && handshakes.chance(faults.failureRate);
          if (fails) this.count('fault/handshakeFailure');
          const isAltered = !this.#isHealed && handshakes.chance(faults.alterationRate);
          if (isAltered) this.count('fault/handshakeAltered');
          return {
            delayMs: () =>
              this.#isHealed || faults.delayMs === 0 ? 0 : handshakes.within(0, faults.delayMs),
            failure: fails ? 'planned to fail' : undefined,
            ...(isAltered && { alter: (bytes) => this.#alter(context, bytes, handshakes) }),
          };
        }),
    };
  }

  /** The tap does not follow hostile peers. */
  #isProven({ remote, local }: Path): boolean {
    return (
      remote.ip === HOSTILE_IP ||
      this.#tap.isProven({ ip: SERVER_IPS[local] ?? SERVER_IPS[0], port: SERVER_PORT }, remote)
    );
  }

  #alter(context: HandshakeContext, bytes: Uint8Array, random: SeededRandom): Uint8Array {
    if (bytes.length === 0) return bytes;
    const altered = bytes.slice();
    const index = random.between(0, altered.length - 1);
    altered[index] = (altered[index] ?? 0) ^ (1 << random.between(0, 7));
    const { sourceConnectionId } = decodeTransportParameters(context.localParameters);
    this.#watch.onAlteredHandshake(sourceConnectionId);
    if (context.role === 'server') this.#tap.onAlteredServer(sourceConnectionId);
    return altered;
  }

  #createConnector(index: number): SimConnector {
    const { scenario } = this;
    const host = this.clientHost(index);
    const options = this.#endpointOptions(host, scenario.clientOptions, scenario.clientHandshake);
    const ip = SERVER_IPS[scenario.askedAddresses[index] ?? 0] ?? SERVER_IPS[0];
    const connector = new SimConnector(options, { ip, port: SERVER_PORT });
    this.#watch.add(`client ${index}`, connector.endpoint, host);
    const random = this.random.fork(`failing sends ${host.ip} ${this.clock.now()}`);
    connector.endpoint.socket.isSendFailing = () =>
      !this.#isHealed && random.chance(scenario.sendFailureRate);
    return connector;
  }

  #heal(): void {
    this.#isHealed = true;
    this.#hostile?.end();
    this.note('healed');
    this.network.changeLinks(({ delayMs }) => ({
      ...CLEAN_LINK,
      delayMs: Math.min(delayMs, HEALED_DELAY_MS),
    }));
  }

  #afterTurn(): void {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- as it was thrown
    if (this.#failure !== undefined) throw this.#failure;
    this.#watch.check(this.clock.now(), !this.clock.hasUnfinishedTurn);
    for (const invariant of this.invariants) invariant();
    check(
      this.loop.turns < MAX_TURNS,
      () => `${this.loop.turns} turns: more work than any scenario asks for`,
    );
  }
}

/** By its address, as a transport tells it. */
export function isHostilePeer(peer: string): boolean {
  return peer.startsWith(`${HOSTILE_IP}:`);
}

function isHostile({ from, to }: Datagram): boolean {
  return from.ip === HOSTILE_IP || to.ip === HOSTILE_IP;
}

function errorName(code: number): string {
  return Object.entries(TransportErrorCode).find(([, value]) => value === code)?.[0] ?? `code ${code}`;
}

const MAX_TURNS = 2_000_000;

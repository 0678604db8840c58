/**
 * A network for the tests of services: servers and channels are the real ones, on hosts that it makes as they are named,
 * and between them are links that lose, delay and break as the test says. Time is virtual and all chance comes from one
 * seed, so that a run of minutes takes milliseconds and happens again exactly as it did. Only wiring: the simulator is `sim/`.
 */
import { isIP } from 'node:net';
import { crc32 } from 'node:zlib';
import { checkNumbers } from '../base/number-options.js';
import { type Clock } from '../base/clock.js';
import {
  type ServerOptions as RealServerOptions,
  type ChannelOptions as RealChannelOptions,
} from '../index.js';
import { BALANCED_TRANSPORT } from '../driver/server-source.js';
import { formatAddress, parseListenAddress, parseTarget } from '../driver/target.js';
import { StaticResolver } from '../rpc/balancing/resolver.js';
import { Channel } from '../rpc/client/channel.js';
import { AsyncCallScope } from '../driver/async-call-scope.js';
import { NO_DIAGNOSTICS } from '../rpc/diagnostics.js';
import { type RpcEnvironment } from '../rpc/rpc-environment.js';
import { type Server } from '../rpc/server/server.js';
import { type Acceptor } from '../rpc/stream-transport.js';
import { SeededRandom } from '../sim/seeded-random.js';
import { SimAcceptor } from '../sim/sim-acceptor.js';
import { SimConnector } from '../sim/sim-connector.js';
import { type SimEndpointOptions } from '../sim/sim-endpoint.js';
import { type SimHost } from '../sim/sim-host.js';
import { SimNetwork } from '../sim/sim-network.js';
import { Trace } from '../sim/trace.js';
import { resolveTransportOptions } from '../transport/connection/transport-options.js';
import { resolveEndpointLimits } from '../transport/endpoint/endpoint.js';
import { emitWarning } from '../driver/emit-warning.js';
import { warnOfHandlerErrors } from '../rpc/server/handler-warnings.js';
import { LinkCounts, type LinkStats } from './link-counts.js';
import { type ConditionChanges, type LinkDirection, LinkRules } from './link-rules.js';
import { MovableClock, SimulatedServer } from './simulated-server.js';
import { VirtualTime } from './virtual-time.js';

/** With the conditions of all links, until `setConditions` changes them. Left out: a delay of 1 ms and no faults. */
export interface SimulatedNetworkOptions extends ConditionChanges {
  /** A whole number from 0. The same seed and the same code give the same run. Default 1. */
  readonly seed?: number | undefined;
  /** Whether a datagram to a port where nobody listens is refused (ICMP) or vanishes. Default true. */
  readonly hasIcmp?: boolean | undefined;
  /** Lines that `trace` keeps. Default 200. */
  readonly traceLines?: number | undefined;
  /** What a `deadline` that is a Date is measured by, at the beginning. Default: the real one. */
  readonly startDate?: Date | undefined;
}

/** As for `createServer`, but for what is about the process and its sockets. */
export type SimulatedServerOptions = Omit<RealServerOptions, 'insecure' | 'qlogDir' | 'buffers'>;

/** As for `createChannel`, but for what is about the process and its sockets. */
export interface SimulatedChannelOptions extends Omit<
  RealChannelOptions,
  'insecure' | 'qlogDir' | 'buffers' | 'dns'
> {
  /** The IP address of the host that it is on. Default: a host of its own. */
  readonly localAddress?: string | undefined;
}

/** How long `run` waits. */
export interface RunOptions {
  /** Virtual time that the promise may take. Default 600,000. */
  readonly withinMs?: number | undefined;
}

/** A network without hosts; they come with their servers and channels. Throws RangeError. */
export function createSimulatedNetwork(options: SimulatedNetworkOptions = {}): SimulatedNetwork {
  return new SimulatedNetwork(options);
}

/** Servers, channels and links of a network in virtual time. `createSimulatedNetwork` makes one. */
export class SimulatedNetwork implements AsyncDisposable {
  readonly seed: number;
  /** Everything that was sent, arrived or was lost, in lines, and a hash that two equal runs have in common. */
  readonly trace: Trace;
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  readonly #callScope = new AsyncCallScope();
  readonly #network: SimNetwork;
  readonly #rules = new LinkRules();
  readonly #counts = new LinkCounts();
  readonly #startDateMs: number;
  readonly #hosts = new Map<string, SimHost>();
  readonly #servers = new Map<SimulatedServer, Place>();
  readonly #channels = new Map<Channel, ChannelPlace>();
  #endpointCount = 0;
  #closed: Promise<void> | undefined;
  #isClosed = false;

  /** See `createSimulatedNetwork`. Throws RangeError. */
  constructor(options: SimulatedNetworkOptions) {
    const { seed = 1, hasIcmp = true, traceLines = 200, startDate = new Date(), ...conditions } = options;
    checkNumbers({ seed, traceLines }, OPTION_RULES);
    this.seed = seed;
    this.trace = new Trace(traceLines);
    this.#random = new SeededRandom(seed);
    this.#startDateMs = startDate.getTime();
    this.#time = new VirtualTime(
      (problem) => `${problem} (seed ${seed}, at ${this.#time.now().toFixed(3)} ms)`,
    );
    this.#rules.add(conditions);
    this.#network = new SimNetwork({
      clock: this.#time.virtual,
      random: this.#random.fork('network'),
      trace: this.trace,
      digest: crc32,
      hasIcmp,
      conditions: (fromIp, toIp) => this.#rules.conditionsOf(fromIp, toIp),
    });
    this.#network.observer = this.#counts;
  }

  /** A clock of virtual time, for code that takes one. Its callbacks may throw: that ends `run`. */
  get clock(): Clock {
    return this.#time.clock;
  }

  /** Virtual milliseconds since the network was made. */
  now(): number {
    return this.#time.now();
  }

  /**
   * A server on this network. Add services, then `await server.listen('10.0.0.1:5005')`, which makes the host. May be
   * awaited without `run`, as its `shutdown` may.
   */
  createServer(options: SimulatedServerOptions = {}): Server {
    this.#assertOpen();
    const { warn, transport, limits, resetKey, ...callOptions } = options;
    const name = `server ${this.#endpointCount++}`;
    const clock = new MovableClock(this.#time.clock);
    const place: Place = { host: undefined, isGone: false };
    const endpoint = {
      random: this.#random.fork(`${name} transport`),
      resetKey,
      transport: transport && resolveTransportOptions(transport),
      limits: limits && resolveEndpointLimits(limits),
    };
    const acceptor: Acceptor = {
      listen: async (address, accept) => {
        this.#assertOpen();
        const { host: ip, port } = parseListenAddress(address);
        const host = this.#hostAt(ip);
        if (port !== 0 && !this.#network.isFree({ ip, port })) {
          throw new Error(`${address}: another server listens there already`);
        }
        place.host = host;
        clock.place = this.#clockOf(host);
        return new SimAcceptor({ ...endpoint, ...this.#common(host) }).listen(`${ip}:${port}`, accept);
      },
    };
    const server = new SimulatedServer(
      {
        acceptor,
        environment: this.#environment(clock, name),
        run: (promise) => this.run(promise),
        isGone: () => place.isGone || this.#isClosed,
      },
      callOptions,
    );
    this.#servers.set(server, place);
    warnOfHandlerErrors(server, NO_DIAGNOSTICS, warn ?? emitWarning);
    return server;
  }

  /**
   * A channel to `ip[:port]` on this network, or to several, from a host of its own unless `localAddress` names one. With
   * a `resolver` the target is only a name, and the servers are those of the resolver.
   */
  createChannel(target: string | readonly string[], options: SimulatedChannelOptions = {}): Channel {
    this.#assertOpen();
    const { localAddress, transport, resolver, ...callOptions } = options;
    const host = localAddress === undefined ? this.#newHost() : this.#hostAt(localAddress);
    const name = `channel ${this.#endpointCount++}`;
    const clock = this.#clockOf(host);
    const connectors: SimConnector[] = [];
    const isBalanced = resolver !== undefined || typeof target !== 'string';
    const given = isBalanced ? { ...BALANCED_TRANSPORT, ...transport } : transport;
    const endpoint = { ...this.#common(host), transport: given && resolveTransportOptions(given) };
    const connectorTo = (address: string): SimConnector => {
      const { host: ip, port } = parseTarget(address, { insecure: true });
      checkIp(ip);
      const fork = connectors.length === 0 ? '' : ` ${connectors.length}`;
      const random = this.#random.fork(`${name} transport${fork}`);
      const connector = new SimConnector({ ...endpoint, random }, { ip, port });
      connectors.push(connector);
      return connector;
    };
    const source = isBalanced
      ? {
          target: String(target),
          resolver: resolver ?? staticResolver([target].flat(), clock),
          connectorTo: ({ address }: { readonly address: string }) => connectorTo(address),
        }
      : connectorTo(target);
    const channel = new Channel(source, this.#environment(clock, name), callOptions);
    this.#channels.set(channel, { host, connectors });
    return channel;
  }

  /**
   * Lets virtual time go on until the promise settles, and settles as it does. Rejects when that takes longer than
   * `withinMs`, and at once when nothing is left that could settle it. May be called while another one runs.
   */
  run<Value>(promise: PromiseLike<Value>, options: RunOptions = {}): Promise<Value> {
    return this.#time.run(promise, options.withinMs ?? DEFAULT_WITHIN_MS);
  }

  /** Lets this much virtual time pass, whatever happens in it. */
  advance(ms: number): Promise<void> {
    checkNumbers({ ms }, SPAN_RULES);
    return this.#time.run(this.#time.sleep(ms), ms + 1);
  }

  /**
   * For handlers and other code inside of a run: what `setTimeout` is in real time, whose timers virtual time does not
   * wait for. Rejects with the reason of `signal` when that aborts first.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    checkNumbers({ ms }, SPAN_RULES);
    return this.#time.sleep(ms, signal);
  }

  /** Lets no virtual time pass until the promise settles: for files, databases and whatever else takes real time. */
  hold<Value>(promise: PromiseLike<Value>): Promise<Value> {
    return this.#time.hold(promise);
  }

  /**
   * Changes conditions from now on, of all links or of those that `direction` names; what is left out stays as it is, and
   * what is under way arrives as it would have. `{ lossRate: 1 }` is a blackout. Throws RangeError.
   */
  setConditions(conditions: ConditionChanges, direction: LinkDirection = {}): void {
    this.#rules.add(conditions, direction);
    this.#network.changeLinks((_, fromIp, toIp) => this.#rules.conditionsOf(fromIp, toIp));
  }

  /**
   * The channel's datagrams come from another address from now on, and nothing tells it: as behind a NAT that has
   * forgotten it, or in another network. Without `ip` only the port is another one.
   */
  move(channel: Channel, ip?: string): void {
    const place = this.#channels.get(channel);
    if (place === undefined) throw new Error('move: the channel is not of this network');
    for (const { endpoint } of place.connectors) {
      const { socket } = endpoint;
      const to = ip ?? socket.address.ip;
      checkIp(to);
      const owner = this.#hosts.get(to);
      if (owner !== undefined && owner !== place.host) throw new Error(`move: ${to} is another host`);
      this.#network.readdress(socket, { ip: to, port: 0 });
    }
  }

  /**
   * Ends everything on a host as a power failure would: nobody is told, and what was not sent is lost. Code of handlers that
   * run goes on, but nothing of it leaves the host. Another server may listen there at once.
   */
  crash(ip: string): void {
    const host = this.#existingHost(ip);
    for (const place of this.#servers.values()) if (place.host === host) place.isGone = true;
    this.#network.crash(host);
  }

  /** Nothing of a host runs for so long, as when its process is stopped; datagrams wait in its socket. */
  pause(ip: string, ms: number): void {
    checkNumbers({ ms }, SPAN_RULES);
    this.#existingHost(ip).pause(this.now() + ms);
  }

  /** Counts of datagrams since the beginning, of all links or of those that `direction` names, by addresses in use. */
  stats(direction: LinkDirection = {}): LinkStats {
    return this.#counts.sumOf(direction);
  }

  /**
   * Closes every channel, shuts every server down at once, and ends every `run`. Rejects with an error that user code has
   * thrown where nobody could catch it, if it has not ended a `run`. `await using` does so by itself. Idempotent.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** `await using network = createSimulatedNetwork()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    try {
      await Promise.all([...this.#channels.keys()].map((channel) => channel.close()));
      await Promise.all([...this.#servers.keys()].map((server) => server.shutdown({ graceMs: 0 })));
      // What was waited for and is over by that settles as it should.
      await this.run(Promise.resolve());
    } finally {
      this.#isClosed = true;
      this.#time.close('the network was closed');
    }
  }

  #environment(clock: Clock, name: string): RpcEnvironment {
    return {
      clock,
      random: this.#random.fork(name),
      wallTime: () => this.#startDateMs + this.now(),
      callScope: this.#callScope,
      diagnostics: NO_DIAGNOSTICS,
    };
  }

  #common(host: SimHost): Pick<SimEndpointOptions, 'network' | 'host' | 'checksum' | 'touch'> {
    return { network: this.#network, host, checksum: crc32, touch: this.#time.touch };
  }

  #clockOf(host: SimHost): Clock {
    return this.#time.guard(host.clock(this.#time.touch));
  }

  #hostAt(ip: string): SimHost {
    checkIp(ip);
    let host = this.#hosts.get(ip);
    if (host === undefined) {
      host = this.#network.addHost(ip);
      this.#hosts.set(ip, host);
    }
    return host;
  }

  #newHost(): SimHost {
    for (let number = 1; ; number++) {
      const ip = `10.64.${number >> 8}.${number & 0xff}`;
      if (!this.#hosts.has(ip)) return this.#hostAt(ip);
    }
  }

  #existingHost(ip: string): SimHost {
    const host = this.#hosts.get(ip);
    if (host === undefined)
      throw new Error(`there is no host at ${ip}: ${[...this.#hosts.keys()].join(', ')}`);
    return host;
  }

  #assertOpen(): void {
    if (this.#closed !== undefined) throw new Error('the network was closed');
  }
}

function staticResolver(targets: readonly string[], clock: Clock): StaticResolver {
  const servers = targets.map((target) => {
    const { host, port } = parseTarget(target, { insecure: true });
    return { address: formatAddress(host, port) };
  });
  return new StaticResolver(servers, (callback) => {
    clock.soon(callback);
  });
}

/** Where a server is, once it listens. */
interface Place {
  host: SimHost | undefined;
  isGone: boolean;
}

interface ChannelPlace {
  readonly host: SimHost;
  /** One for each server. */
  readonly connectors: readonly SimConnector[];
}

function checkIp(ip: string): void {
  if (isIP(ip) === 0) throw new Error(`${ip} is no IP address: a simulated network has no names`);
  if (ip === '0.0.0.0' || ip === '::')
    throw new Error(`${ip} is every address of a machine: name one, for example 10.0.0.1`);
}

const DEFAULT_WITHIN_MS = 600_000;

const OPTION_RULES = {
  seed: { min: 0, max: Number.MAX_SAFE_INTEGER, isWhole: true },
  traceLines: { min: 1, isWhole: true },
};

const SPAN_RULES = { ms: { min: 0, max: Number.MAX_SAFE_INTEGER, unit: 'ms' } };

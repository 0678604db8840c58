/**
 * A server of the test service and a client of it over a simulated network, for scenarios that are told step by step.
 * What seeds draw is run by `run-seed.ts`; here a test sets the links itself and looks at times and datagrams.
 */
import { crc32 } from 'node:zlib';
import { TestServiceDefinition } from '../../../generated/test/v1/test.js';
import { type RpcCallOptions } from '../../../src/rpc/client/call-options.js';
import { Channel } from '../../../src/rpc/client/channel.js';
import { createClient } from '../../../src/rpc/client/client-factory.js';
import { NO_CALL_SCOPE } from '../../../src/rpc/call-scope.js';
import { NO_DIAGNOSTICS } from '../../../src/rpc/diagnostics.js';
import { type RpcEnvironment } from '../../../src/rpc/rpc-environment.js';
import { Server } from '../../../src/rpc/server/server.js';
import { type ServerOptions } from '../../../src/rpc/server/server-options.js';
import { type Client, type ServiceImplementation } from '../../../src/rpc/service-definition.js';
import { CLEAN_LINK, type Datagram, type LinkConditions } from '../../../src/sim/link.js';
import { SeededRandom } from '../../../src/sim/seeded-random.js';
import { SimAcceptor } from '../../../src/sim/sim-acceptor.js';
import { SimConnector } from '../../../src/sim/sim-connector.js';
import { type SimEndpoint } from '../../../src/sim/sim-endpoint.js';
import { type SimHost } from '../../../src/sim/sim-host.js';
import { SimLoop } from '../../../src/sim/sim-loop.js';
import { SimNetwork, type SimSocket } from '../../../src/sim/sim-network.js';
import { VirtualClock } from '../../../src/sim/virtual-clock.js';
import { type DropReason } from '../../../src/transport/connection/connection-stats.js';

export const SERVER_IP = '10.0.0.1';
export const CLIENT_IP = '10.0.1.1';
const PORT = 5_005;

export type TestClient = Client<typeof TestServiceDefinition, RpcCallOptions>;

/** A client on a host of its own. */
export interface SimClient {
  readonly client: TestClient;
  readonly channel: Channel;
  readonly socket: SimSocket;
}

interface Ips {
  readonly server: string;
  readonly client: string;
}

export class TwoEnds {
  readonly clock = new VirtualClock(1_000);
  readonly loop = new SimLoop(this.clock);
  readonly network: SimNetwork;
  readonly client: TestClient;
  readonly channel: Channel;
  /** Everything sent so far, in order. */
  readonly sent: { readonly at: number; readonly datagram: Datagram }[] = [];
  /** How often each key was added, over all servers. */
  readonly adds = new Map<string, number>();
  /** Of the servers that are started from now on. Default: each has its own. */
  resetKey: Uint8Array | undefined;
  readonly serverHost: SimHost;
  readonly clientHost: SimHost;
  readonly #random = new SeededRandom(1);
  readonly #connector: SimConnector;
  #acceptor!: SimAcceptor;
  #server!: Server;

  readonly #serverOptions: ServerOptions;
  readonly #ips: Ips;
  readonly #conditions: LinkConditions;
  /** Handlers of delayed echoes that ran at the same time. */
  mostWaitingEchoes = 0;
  #waitingEchoes = 0;

  /** The same conditions both ways. */
  constructor(
    conditions: Partial<LinkConditions> = {},
    serverOptions: ServerOptions = {},
    ips: Ips = { server: SERVER_IP, client: CLIENT_IP },
  ) {
    this.#serverOptions = serverOptions;
    this.#ips = ips;
    this.#conditions = { ...CLEAN_LINK, ...conditions };
    this.network = new SimNetwork({ clock: this.clock, random: this.#random.fork('network') });
    this.network.observer = {
      onSent: (datagram) => this.sent.push({ at: this.clock.now(), datagram }),
      onDelivered: () => undefined,
      onFate: () => undefined,
    };
    this.serverHost = this.network.addHost(ips.server);
    this.clientHost = this.network.addHost(ips.client);
    this.network.connect(ips.server, ips.client, this.#conditions);
    this.startServer();
    this.#connector = this.#createConnector(this.clientHost);
    this.channel = new Channel(this.#connector, this.#environment(this.clientHost));
    this.client = createClient(TestServiceDefinition, this.channel);
  }

  /** Changes when the network moves it; the client is not told. */
  get clientSocket(): SimSocket {
    return this.#connector.endpoint.socket;
  }

  /** Its host's links are as those of the first client were at first. To be closed by who adds it. */
  addClient(ip: string): SimClient {
    const host = this.network.addHost(ip);
    this.network.connect(this.#ips.server, ip, this.#conditions);
    const connector = this.#createConnector(host);
    const channel = new Channel(connector, this.#environment(host));
    const { socket } = connector.endpoint;
    return { client: createClient(TestServiceDefinition, channel), channel, socket };
  }

  /** Also after a crash. */
  startServer(): void {
    this.#acceptor = new SimAcceptor(this.#endpointOptions(this.serverHost));
    this.#server = new Server(this.#acceptor, this.#environment(this.serverHost), this.#serverOptions);
    this.#server.add(TestServiceDefinition, this.#service());
    void this.#server.listen(`${this.#ips.server}:${PORT}`);
  }

  crashServer(): void {
    this.network.crash(this.serverHost);
  }

  /** Sets the way of the client's datagrams, or of the server's. */
  set(direction: 'up' | 'down', conditions: Partial<LinkConditions>): void {
    const { server, client } = this.#ips;
    const link = direction === 'up' ? this.network.link(client, server) : this.network.link(server, client);
    link.conditions = { ...link.conditions, ...conditions };
  }

  /** Resolves to the value and to the virtual milliseconds that it took from now. */
  timed<T>(promise: Promise<T>): Promise<{ value: T; ms: number }> {
    const startedAt = this.clock.now();
    return promise.then((value) => ({ value, ms: this.clock.now() - startedAt }));
  }

  settle<T>(promise: Promise<T>): Promise<T> {
    return this.loop.settle(promise, SETTLE_MS);
  }

  /** Lets time pass, also when nothing happens in it. */
  wait(ms: number): Promise<boolean> {
    this.clock.setTimer(() => undefined, ms);
    return this.loop.run(this.clock.now() + ms);
  }

  /** Channel and server closed, all that was armed run out: nothing may be left. */
  async close(): Promise<void> {
    await this.settle(this.channel.close());
    await this.settle(this.#server.shutdown({ graceMs: 0 }));
    await this.wait(SETTLE_MS);
  }

  /** What the server's endpoint dropped for this reason, connections included. */
  drops(reason: DropReason): number {
    return dropsOf(this.#acceptor.endpoint, reason);
  }

  clientDrops(reason: DropReason): number {
    return dropsOf(this.#connector.endpoint, reason);
  }

  #createConnector(host: SimHost): SimConnector {
    return new SimConnector(this.#endpointOptions(host), { ip: this.#ips.server, port: PORT });
  }

  #endpointOptions(host: SimHost) {
    const random = this.#random.fork(`endpoint ${host.ip} ${this.clock.now()}`);
    const { network, resetKey } = this;
    return { network, host, random, resetKey, checksum: crc32, touch: this.loop.touch };
  }

  #environment(host: SimHost): RpcEnvironment {
    const random = this.#random.fork(`rpc ${host.ip} ${this.clock.now()}`);
    return {
      clock: host.clock(this.loop.touch),
      random,
      wallTime: () => this.clock.now(),
      callScope: NO_CALL_SCOPE,
      diagnostics: NO_DIAGNOSTICS,
    };
  }

  #service(): ServiceImplementation<typeof TestServiceDefinition> {
    const clock = this.serverHost.clock(this.loop.touch);
    return {
      echo: ({ payload, delayMs }) => {
        if (delayMs === 0) return { payload };
        this.#waitingEchoes++;
        this.mostWaitingEchoes = Math.max(this.mostWaitingEchoes, this.#waitingEchoes);
        return new Promise((resolve) => {
          clock.setTimer(() => {
            this.#waitingEchoes--;
            resolve({ payload });
          }, delayMs);
        });
      },
      put: ({ value }) => ({ value }),
      add: ({ key, amount }) => {
        this.adds.set(key, (this.adds.get(key) ?? 0) + 1);
        return { total: amount };
      },
      download: () => {
        throw new Error('not here');
      },
      upload: () => {
        throw new Error('not here');
      },
      chat: () => {
        throw new Error('not here');
      },
    };
  }
}

function dropsOf(simEndpoint: SimEndpoint | undefined, reason: DropReason): number {
  if (simEndpoint === undefined) return 0;
  const { endpoint } = simEndpoint.pump;
  let count = endpoint.drops[reason];
  for (const { stats } of endpoint.connections) count += stats.drops[reason];
  return count;
}

const SETTLE_MS = 600_000;

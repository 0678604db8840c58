/**
 * Several servers of the test service on a simulated network, each of which counts what it is asked, and a resolver that
 * says what the test wants.
 */
import { type EchoRequest, TestServiceDefinition } from '../../generated/test/v1/test.js';
import {
  type Channel,
  createClient,
  type Resolver,
  type ResolverListener,
  type ServerAddress,
  ServerError,
  type Status,
} from '../../src/index.js';
import {
  createSimulatedNetwork,
  type SimulatedChannelOptions,
  type SimulatedNetwork,
  type SimulatedNetworkOptions,
} from '../../src/testing/index.js';

export const PAYLOAD = Uint8Array.of(1, 2, 3);
export const THREE = ['10.0.0.1:5005', '10.0.0.2:5005', '10.0.0.3:5005'];

/** What one server has done. */
export interface CountingServer {
  readonly address: string;
  /** Handlers that were started. */
  calls: number;
  /** Of `add`, whose total is the number of times it ran. */
  adds: number;
  /** Ends every echo with this status. */
  failsWith: Status | undefined;
  /** Every echo takes so long. */
  delayMs: number;
}

export class BalancedNetwork {
  readonly network: SimulatedNetwork;

  constructor(options: SimulatedNetworkOptions = {}) {
    this.network = createSimulatedNetwork({ seed: 11, delayMs: 5, ...options });
  }

  /** Servers at 10.0.0.1, 10.0.0.2 and so on, by their numbers. */
  async serve<const Numbers extends readonly number[]>(
    ...numbers: Numbers
  ): Promise<{ [Index in keyof Numbers]: CountingServer }> {
    const servers = await Promise.all(numbers.map((number) => this.#serveOne(`10.0.0.${number}:5005`)));
    return servers as { [Index in keyof Numbers]: CountingServer };
  }

  client(target: string | readonly string[], options: SimulatedChannelOptions = {}) {
    const channel = this.network.createChannel(target, options);
    return { channel, client: createClient(TestServiceDefinition, channel) };
  }

  crash({ address }: CountingServer): void {
    this.network.crash(address.replace(/:\d+$/, ''));
  }

  /** As a cable that is pulled out: no ICMP comes of it. */
  cut({ address }: CountingServer): void {
    const ip = address.replace(/:\d+$/, '');
    this.network.setConditions({ lossRate: 1 }, { to: ip });
    this.network.setConditions({ lossRate: 1 }, { from: ip });
  }

  async #serveOne(address: string): Promise<CountingServer> {
    const counts: CountingServer = { address, calls: 0, adds: 0, failsWith: undefined, delayMs: 0 };
    const server = this.network.createServer();
    server.add(TestServiceDefinition, {
      echo: async ({ payload, delayMs }: EchoRequest) => {
        counts.calls += 1;
        await this.network.sleep(delayMs + counts.delayMs);
        if (counts.failsWith !== undefined) throw new ServerError(counts.failsWith, 'as the test wants');
        return { payload };
      },
      add: async ({ amount }: { amount: bigint }) => {
        counts.adds += 1;
        await this.network.sleep(Number(amount));
        return { total: BigInt(counts.adds) };
      },
    } as never);
    await server.listen(address);
    return counts;
  }
}

/** Says what the test says. */
export class TestResolver implements Resolver {
  /** How often it was asked to look again. */
  refreshes = 0;
  #listener: ResolverListener | undefined;
  #servers: readonly ServerAddress[];

  constructor(servers: readonly (string | ServerAddress)[]) {
    this.#servers = servers.map(addressOf);
  }

  get isWatched(): boolean {
    return this.#listener !== undefined;
  }

  watch(listener: ResolverListener) {
    this.#listener = listener;
    queueMicrotask(() => {
      if (this.#servers.length > 0) this.#listener?.onServers(this.#servers);
    });
    return {
      stop: () => {
        this.#listener = undefined;
      },
      refresh: () => {
        this.refreshes += 1;
      },
    };
  }

  say(servers: readonly (string | ServerAddress)[]): void {
    this.#servers = servers.map(addressOf);
    this.#listener?.onServers(this.#servers);
  }

  fail(reason: string): void {
    this.#listener?.onError(reason);
  }
}

function addressOf(server: string | ServerAddress): ServerAddress {
  return typeof server === 'string' ? { address: server } : server;
}

/** `10.0.0.1:5005 ready` and so on, as the channel tells it. */
export function serverStatesOf(channel: Channel): string[] {
  return channel.servers().map(({ address, state }) => `${address} ${state}`);
}

/** One call after the other, each of which is answered. */
export async function callInTurn(
  client: ReturnType<BalancedNetwork['client']>['client'],
  count: number,
  hashKey?: string,
) {
  for (let i = 0; i < count; i++) await client.echo({ payload: PAYLOAD }, { hashKey });
}

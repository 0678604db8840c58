/**
 * Runs the load of a scenario on the transport alone, through its faults, then asks each client for one more exchange
 * over the healed network, closes everything and looks what is left.
 */
import { DEAF_LISTENER } from '../../support/deaf-listener.js';
import { isForgiving, mayRefuse, promptMs } from './leniency.js';
import { type Exchange } from './load.js';
import { StreamClient, type StreamOutcome } from './stream-load.js';
import { StreamServer } from './stream-server.js';
import { check } from './violation.js';
import { isHostilePeer, LISTEN_ADDRESS, type World } from './world.js';

export async function runStreams(world: World): Promise<void> {
  const run = new StreamRun(world);
  await run.run();
}

class StreamRun {
  readonly #world: World;
  readonly #exchanges = new Map<number, Exchange>();
  /** `lost` with their client. */
  readonly #outcomes = new Map<number, StreamOutcome | 'lost'>();
  readonly #starts = new Map<number, number>();
  readonly #clients: StreamClient[];
  /** Clients whose host has crashed. */
  readonly #down = new Set<number>();

  constructor(world: World) {
    this.#world = world;
    world.serverRestarts = () => {
      this.#listen();
    };
    world.clientIsLost = (client) => {
      this.#clientIsLost(client);
    };
    world.clientRestarts = (client) => {
      this.#down.delete(client);
      this.#clients[client] = this.#createClient(client);
    };
    this.#clients = world.clients.map((_, client) => this.#createClient(client));
  }

  async run(): Promise<void> {
    const { loop, scenario, clock, healsAt } = this.#world;
    this.#listen();
    for (const exchange of scenario.load.exchanges) this.#startLater(exchange);
    await loop.run(healsAt, () => this.#world.isHealed);
    const isSettled = (): boolean => this.#outcomes.size === scenario.load.exchanges.length;
    await loop.run(clock.now() + SETTLE_MS, isSettled);
    const open = [...this.#exchanges.keys()].filter((index) => !this.#outcomes.has(index));
    check(
      open.length === 0,
      () => `exchanges ${open.slice(0, 9).join(' ')} unsettled ${SETTLE_MS} ms after healing`,
    );
    await this.#checkLiveness();
    await this.#checkStreamsReleased();
    await this.#close();
  }

  #listen(): void {
    const { acceptor, server, random } = this.#world;
    const serverRandom = random.fork(`pieces of the server at ${this.#world.clock.now()}`);
    void acceptor.listen(LISTEN_ADDRESS, (transport) => {
      const { peer } = transport;
      if (isHostilePeer(peer))
        return {
          ...DEAF_LISTENER,
          onClosed: (closed) => {
            this.#world.onServerClosed(peer, closed);
          },
        };
      return new StreamServer(
        {
          clock: server.clock(),
          random: serverRandom,
          exchange: (index) => this.#exchanges.get(index),
          onStart: (exchange) => {
            this.#onStart(exchange);
          },
          onClosed: (closed) => {
            this.#world.onServerClosed(peer, closed);
          },
        },
        transport,
      );
    });
    this.#world.onListening();
  }

  #createClient(client: number): StreamClient {
    const { random, clock } = this.#world;
    return new StreamClient({
      clock: this.#world.clientHost(client).clock(),
      connector: this.#world.connector(client),
      random: random.fork(`pieces of client ${client} at ${clock.now()}`),
      onSettled: (exchange, outcome) => {
        this.#onSettled(exchange, outcome);
      },
      onClosed: (closed, isInUse) => {
        this.#world.onClosed(`client ${client}`, closed, isInUse);
      },
    });
  }

  /** What a host is down for is lost, like what it had under way. */
  #startLater(exchange: Exchange): void {
    this.#world.clock.setTimer(() => {
      this.#exchanges.set(exchange.index, exchange);
      if (this.#down.has(exchange.client)) this.#lose(exchange);
      else
        this.#world.clientHost(exchange.client).run(() => {
          this.#start(exchange);
        });
    }, exchange.atMs);
  }

  #clientIsLost(client: number): void {
    this.#down.add(client);
    for (const exchange of this.#exchanges.values()) {
      if (exchange.client === client && !this.#outcomes.has(exchange.index)) this.#lose(exchange);
    }
  }

  #lose(exchange: Exchange): void {
    this.#world.count('stream/lost');
    this.#outcomes.set(exchange.index, 'lost');
  }

  #start(exchange: Exchange): void {
    this.#world.note(
      `start ${exchange.index} ${exchange.method} ${exchange.requestBytes} ${exchange.responseBytes}`,
    );
    this.#exchanges.set(exchange.index, exchange);
    this.#clients[exchange.client]?.start(exchange);
  }

  #onSettled(exchange: Exchange, outcome: StreamOutcome): void {
    this.#world.note(`settled ${exchange.index} ${outcome}`);
    this.#world.count(`stream/${outcome}`);
    check(!this.#outcomes.has(exchange.index), () => `exchange ${exchange.index} settled twice`);
    this.#outcomes.set(exchange.index, outcome);
    const { does } = exchange.handler;
    if (outcome === 'ok') {
      check(
        (this.#starts.get(exchange.index) ?? 0) > 0,
        () => `exchange ${exchange.index} ended and never started`,
      );
      check(
        does === 'answer' || does === 'ignoreSignal',
        () => `exchange ${exchange.index} ended well, but ${does}`,
      );
    }
    if (outcome === 'reset') {
      check(
        does === 'throwStatus' || does === 'throwError',
        () => `exchange ${exchange.index} was reset, but ${does}`,
      );
    }
  }

  #onStart(exchange: Exchange): void {
    const starts = (this.#starts.get(exchange.index) ?? 0) + 1;
    this.#starts.set(exchange.index, starts);
    // What does not ride in a first flight cannot be replayed by the network.
    check(
      exchange.method !== 'add' || starts === 1,
      () => `exchange ${exchange.index} started ${starts} times`,
    );
  }

  /**
   * Once the faults are over every client gets an answer, on the connection that it has or on a new one. One may fail:
   * with a connection that its server has forgotten meanwhile.
   */
  async #checkLiveness(): Promise<void> {
    const { loop, clock, clients, scenario } = this.#world;
    let unanswered = clients.map((_, client) => client);
    for (let round = 1; unanswered.length > 0; round++) {
      check(round <= LIVENESS_ROUNDS, () => `no answer over a clean network in ${LIVENESS_ROUNDS} exchanges`);
      const probes = unanswered.map((client) =>
        livenessExchange(round * 1_000_000 + client, client, scenario.load.livenessBytes),
      );
      for (const probe of probes) this.#start(probe);
      const isSettled = (): boolean => probes.every(({ index }) => this.#outcomes.has(index));
      const withinMs = isForgiving(scenario) ? promptMs(scenario) : SETTLE_MS;
      const didSettle = await loop.run(clock.now() + withinMs, isSettled);
      check(didSettle, () => `an exchange over a clean network takes longer than ${withinMs} ms`);
      this.#world.count('liveness/exchanges', probes.length);
      // Connections of clients that are gone may keep the places of a server that has few.
      if (mayRefuse(scenario)) return;
      unanswered = probes
        .filter(({ index }) => this.#outcomes.get(index) !== 'ok')
        .map(({ client }) => client);
    }
  }

  /** Every exchange has ended on both sides, so every stream is given back once the last words have arrived. */
  async #checkStreamsReleased(): Promise<void> {
    const { loop, clock } = this.#world;
    const isReleased = (): boolean => this.#world.openStreams() === 0;
    if (isReleased()) return;
    await loop.run(clock.now() + LAST_WORDS_MS, isReleased);
    check(isReleased(), () => `${this.#world.openStreams()} streams open when every exchange has settled`);
  }

  async #close(): Promise<void> {
    const { loop, clock } = this.#world;
    for (const client of this.#clients) client.close();
    this.#world.note('closing');
    await loop.run(clock.now() + FOREVER_MS);
    this.#world.checkResources();
  }
}

function livenessExchange(index: number, client: number, responseBytes: number): Exchange {
  return {
    index,
    client,
    atMs: 0,
    method: 'add',
    requestBytes: 100,
    responseBytes,
    timeoutMs: 30_000,
    cancelAfterMs: undefined,
    handler: { does: 'answer', delayMs: 0 },
    readPauseMs: 0,
    isDuplex: false,
  };
}

/** Far above what any transfer of the load takes over a clean network, and above 4/3 of the longest idle timeout. */
const SETTLE_MS = 10_000_000;
/** A handler's delay, an idle timeout of the default, some round trips. */
const LAST_WORDS_MS = 60_000;
const LIVENESS_ROUNDS = 2;
const FOREVER_MS = 1e10;

/**
 * Runs the load of a scenario as calls of the test service through the rpc floor: channels and a server over the
 * simulated network, through its faults and a restart of the server, then asks every client for one more answer over
 * the healed network, closes everything and looks what is left.
 */
import { TestServiceDefinition } from '../../../generated/test/v1/test.js';
import { type RpcCallOptions } from '../../../src/rpc/client/call-options.js';
import { Channel } from '../../../src/rpc/client/channel.js';
import { createClient } from '../../../src/rpc/client/client-factory.js';
import { NO_CALL_SCOPE } from '../../../src/rpc/call-scope.js';
import { NO_DIAGNOSTICS } from '../../../src/rpc/diagnostics.js';
import { type RpcEnvironment } from '../../../src/rpc/rpc-environment.js';
import { Server } from '../../../src/rpc/server/server.js';
import { type Client } from '../../../src/rpc/service-definition.js';
import { type SimHost } from '../../../src/sim/sim-host.js';
import { CallLedger } from './call-ledger.js';
import { callMetadata, createCallService } from './call-service.js';
import {
  isForgiving,
  mayLoseHandshakes,
  mayRefuse,
  mayReplayFirstFlights,
  promptMs,
  slackMs,
} from './leniency.js';
import { type Exchange } from './load.js';
import { checkPattern, patternBytes, requestKey } from './pattern.js';
import { check } from './violation.js';
import { LISTEN_ADDRESS, type World } from './world.js';

export async function runCalls(world: World): Promise<void> {
  await new CallRun(world).run();
}

type TestClient = Client<typeof TestServiceDefinition, RpcCallOptions>;

class CallRun {
  readonly #world: World;
  readonly #ledger: CallLedger;
  readonly #channels: Channel[];
  readonly #clients: TestClient[];
  /** Clients whose host has crashed. */
  readonly #down = new Set<number>();
  #server: Server;
  #incarnation = 0;

  constructor(world: World) {
    this.#world = world;
    const { clock, scenario } = world;
    this.#ledger = new CallLedger({
      now: () => clock.now(),
      slackMs: (client) => slackMs(scenario, client),
      mayReplay: mayReplayFirstFlights(scenario),
      note: (text) => {
        world.note(text);
      },
      mustConnect: isForgiving(scenario) && !mayLoseHandshakes(scenario),
      fail: (error) => {
        world.fail(error);
      },
    });
    world.invariants.push(() => {
      this.#ledger.checkDeadlines();
    });
    this.#server = this.#listen();
    world.serverRestarts = () => {
      this.#incarnation++;
      this.#server = this.#listen();
    };
    world.clientIsLost = (client) => {
      this.#down.add(client);
      this.#ledger.onClientLost(client);
    };
    world.clientRestarts = (client) => {
      this.#down.delete(client);
      this.#startClient(client);
    };
    this.#channels = [];
    this.#clients = [];
    for (const client of world.clients.keys()) this.#startClient(client);
  }

  async run(): Promise<void> {
    const { loop, scenario, clock, healsAt } = this.#world;
    const { exchanges } = scenario.load;
    for (const exchange of exchanges) this.#callLater(exchange);
    await loop.run(healsAt, () => this.#world.isHealed);
    const lastEnd = Math.max(...exchanges.map(({ atMs, timeoutMs }) => scenario.startMs + atMs + timeoutMs));
    await loop.run(Math.max(clock.now(), lastEnd) + AFTER_DEADLINE_MS, () => this.#ledger.openCount === 0);
    check(this.#ledger.openCount === 0, () => `${this.#ledger.openCount} calls never settle`);
    await this.#checkLiveness();
    await this.#close();
  }

  #listen(): Server {
    const { server: host, loop } = this.#world;
    const incarnation = this.#incarnation;
    const server = new Server(this.#world.acceptor, this.#environment(host, `server ${incarnation}`));
    server.add(TestServiceDefinition, createCallService(this.#ledger, host.clock(loop.touch), incarnation));
    server.on('connectionClosed', ({ peer, closed }) => {
      this.#world.onServerClosed(peer, closed);
    });
    server.on('call', ({ path, details }) => {
      const isPremature = details.includes('before the handshake is complete');
      this.#guard(() => {
        check(!isPremature, () => `${path} came in a first flight`);
      });
    });
    void server.listen(LISTEN_ADDRESS);
    this.#world.onListening();
    return server;
  }

  #startClient(client: number): void {
    const host = this.#world.clientHost(client);
    const name = `client ${client} at ${this.#world.clock.now()}`;
    const channel = new Channel(this.#world.connector(client), this.#environment(host, name));
    this.#channels[client] = channel;
    this.#clients[client] = createClient(TestServiceDefinition, channel);
  }

  #environment(host: SimHost, name: string): RpcEnvironment {
    const { loop, random, clock } = this.#world;
    return {
      clock: host.clock(loop.touch),
      random: random.fork(`rpc of ${name}`),
      wallTime: () => WALL_TIME_AT_ZERO + clock.now(),
      callScope: NO_CALL_SCOPE,
      diagnostics: NO_DIAGNOSTICS,
    };
  }

  /** What a host is down for is never called. */
  #callLater(exchange: Exchange): void {
    this.#world.clock.setTimer(() => {
      if (this.#down.has(exchange.client)) return;
      this.#world.clientHost(exchange.client).run(() => {
        this.#call(exchange);
      });
    }, exchange.atMs);
  }

  #call(exchange: Exchange): void {
    const { index, client: clientIndex, cancelAfterMs } = exchange;
    const client = this.#clients[clientIndex];
    check(client !== undefined, () => `no client ${clientIndex}`);
    const controller = new AbortController();
    const wasCancelledFirst = cancelAfterMs === 0;
    if (wasCancelledFirst) controller.abort();
    this.#world.note(`call ${index} ${exchange.method} ${exchange.requestBytes}`);
    this.#ledger.onCall(exchange, wasCancelledFirst);
    if (cancelAfterMs !== undefined && !wasCancelledFirst)
      this.#cancelLater(exchange, cancelAfterMs, controller);
    const onMetadata = (): void => {
      this.#ledger.onHeader(index);
    };
    const call = startCall(client, exchange, {
      timeoutMs: exchange.timeoutMs,
      metadata: callMetadata(index),
      signal: controller.signal,
      onHeader: onMetadata,
      onTrailer: onMetadata,
    });
    call.then(
      (total) => {
        this.#world.count('call/OK');
        this.#guard(() => {
          this.#ledger.onOk(index, total);
        });
      },
      (error: unknown) => {
        this.#guard(() => {
          this.#ledger.onError(index, error);
          this.#world.count(`call/${String(this.#ledger.outcome(index))}`);
        });
      },
    );
    this.#world.loop.touch();
  }

  #cancelLater({ index, client }: Exchange, cancelAfterMs: number, controller: AbortController): void {
    this.#world
      .clientHost(client)
      .clock(this.#world.loop.touch)
      .setTimer(() => {
        if (this.#ledger.outcome(index) !== undefined) return;
        this.#ledger.onCancelled(index);
        controller.abort();
      }, cancelAfterMs);
  }

  /** What does not hold in a promise's continuation ends the run as it does in a turn. */
  #guard(verdict: () => void): void {
    try {
      verdict();
    } catch (error) {
      this.#world.fail(error);
    }
  }

  /**
   * Once the faults are over every client gets its answers, on the connection that it has or on a new one. What may run
   * twice is made again by itself; the other may fail once, with a connection that its server has forgotten meanwhile.
   */
  async #checkLiveness(): Promise<void> {
    const { loop, clock, clients, scenario } = this.#world;
    let probes = clients.flatMap((_, client) => [
      livenessCall(1_000_000 + 2 * client, client, 'echo', scenario.load.livenessBytes),
      livenessCall(1_000_001 + 2 * client, client, 'add', 0),
    ]);
    for (let round = 1; probes.length > 0; round++) {
      check(round <= LIVENESS_ROUNDS, () => `no answer over a clean network in ${LIVENESS_ROUNDS} calls`);
      for (const probe of probes) this.#call(probe);
      const withinMs = isForgiving(scenario) ? promptMs(scenario) : LIVENESS_MS;
      const didSettle = await loop.run(clock.now() + withinMs, () => this.#ledger.openCount === 0);
      check(didSettle, () => `a call over a clean network takes longer than ${withinMs} ms`);
      this.#world.count('liveness/calls', probes.length);
      // Connections of clients that are gone may keep the places of a server that has few.
      if (mayRefuse(scenario)) return;
      const failed = probes.filter(({ index }) => this.#ledger.outcome(index) !== 'OK');
      check(
        failed.every(({ method }) => method === 'add'),
        () => `a call that may run twice failed over a clean network`,
      );
      probes = failed.map((probe) => ({ ...probe, index: probe.index + 1_000_000 }));
    }
  }

  async #close(): Promise<void> {
    const { loop, clock } = this.#world;
    this.#world.note('closing');
    await loop.run(clock.now() + LONGEST_HANDLER_MS, () => this.#ledger.running(this.#incarnation) === 0);
    const running = this.#ledger.running(this.#incarnation);
    check(running === 0, () => `${running} handlers run when every call has settled`);
    const isReleased = (): boolean => this.#world.openStreams() === 0;
    await loop.run(clock.now() + LAST_WORDS_MS, isReleased);
    check(isReleased(), () => `${this.#world.openStreams()} streams open when every call has settled`);
    for (const channel of this.#channels) await loop.settle(channel.close(), CLOSE_MS);
    await loop.settle(this.#server.shutdown({ graceMs: 1_000 }), CLOSE_MS);
    await loop.run(clock.now() + FOREVER_MS);
    this.#world.checkResources();
  }
}

/** Resolves to the total of an `add`; checks what the others answer. */
async function startCall(
  client: TestClient,
  { index, method, requestBytes }: Exchange,
  options: RpcCallOptions,
): Promise<bigint | undefined> {
  switch (method) {
    case 'echo': {
      const { payload } = await client.echo(
        { payload: patternBytes(requestKey(index), 0, requestBytes) },
        options,
      );
      check(
        payload.length === requestBytes,
        () => `echo ${index}: ${payload.length} of ${requestBytes} bytes`,
      );
      checkPattern(requestKey(index), 0, payload);
      return undefined;
    }
    case 'put': {
      const { value } = await client.put({ key: 'key', value: BigInt(index) }, options);
      check(value === BigInt(index), () => `put ${index} answered ${value}`);
      return undefined;
    }
    case 'add': {
      const { total } = await client.add({ key: `key ${index % 3}`, amount: BigInt(index) }, options);
      return total;
    }
  }
}

function livenessCall(index: number, client: number, method: 'echo' | 'add', requestBytes: number): Exchange {
  return {
    index,
    client,
    atMs: 0,
    method,
    requestBytes,
    responseBytes: 0,
    timeoutMs: LIVENESS_MS,
    cancelAfterMs: undefined,
    handler: { does: 'answer', delayMs: 0 },
    readPauseMs: 0,
    isDuplex: false,
  };
}

const WALL_TIME_AT_ZERO = Date.UTC(2030, 0, 1);
/** Above 4/3 of the longest idle timeout that is drawn: a connection to a server that is gone must end first. */
const LIVENESS_MS = 10_000_000;
const LIVENESS_ROUNDS = 2;
const AFTER_DEADLINE_MS = 200_000;
const LONGEST_HANDLER_MS = 700_000;
/** An idle timeout of the default, some round trips. */
const LAST_WORDS_MS = 60_000;
const CLOSE_MS = 60_000;
const FOREVER_MS = 1e10;

/**
 * A client and a server joined in one process: services are tested with the whole rpc floor and no network. The two
 * ends keep the contract of `StreamTransport` as a connection over UDP does: limits on streams and on bytes, partial
 * writes, a first flight, resets and stops, and events that come only at the end of a turn of the event loop. What is
 * written arrives always and in order; for anything else there is the simulator.
 */
import { type Clock } from '../base/clock.js';
import { InMemoryEnd, joinEnds, type InMemoryLimits } from './in-memory-connection.js';
import {
  type Acceptor,
  type ConnectAttempt,
  type ConnectHandler,
  type Connector,
  type Listening,
  type StreamListener,
  type StreamTransport,
} from './stream-transport.js';

export interface InMemoryOptions {
  readonly clock: Clock;
  /** Streams that a client may have open at once. Default 100. */
  readonly maxStreams?: number | undefined;
  /** Bytes of one stream that were written and not yet read. Default 1 MiB. */
  readonly streamWindowBytes?: number | undefined;
  /** The same for all streams of a connection together. Default 8 MiB. */
  readonly connectionWindowBytes?: number | undefined;
  /** The longest piece in which a reader gets what was written, as datagrams would cut it. Default 16 KiB. */
  readonly chunkBytes?: number | undefined;
}

export interface InMemoryPair {
  readonly connector: Connector;
  /** Listens once at a time. Every address will do; a port that is not in it is 1. */
  readonly acceptor: Acceptor;
}

export function createInMemoryPair(options: InMemoryOptions): InMemoryPair {
  const { clock } = options;
  const limits: InMemoryLimits = {
    maxStreams: options.maxStreams ?? 100,
    streamWindowBytes: options.streamWindowBytes ?? 1_048_576,
    connectionWindowBytes: options.connectionWindowBytes ?? 8_388_608,
    chunkBytes: options.chunkBytes ?? 16_384,
  };
  const acceptor = new InMemoryAcceptor(clock, limits);
  const connector: Connector = {
    target: 'a server in this process',
    connect: (handler) => acceptor.connect(handler),
    close: () => Promise.resolve(),
  };
  return { connector, acceptor };
}

class InMemoryAcceptor implements Acceptor {
  readonly #clock: Clock;
  readonly #limits: InMemoryLimits;
  readonly #serverEnds = new Set<InMemoryEnd>();
  #accept: ((transport: StreamTransport) => StreamListener) | undefined;
  #isRefusing = false;
  #port = 1;
  #connections = 0;
  /** How often it has begun to listen. */
  #incarnation = 0;

  constructor(clock: Clock, limits: InMemoryLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  listen(address: string, accept: (transport: StreamTransport) => StreamListener): Promise<Listening> {
    if (this.#accept !== undefined) {
      return Promise.reject(new Error(`${address}: a server of this in-memory pair listens already`));
    }
    this.#accept = accept;
    this.#isRefusing = false;
    this.#incarnation++;
    this.#port = Number(/:(\d+)$/.exec(address)?.[1] ?? 0) || 1;
    return Promise.resolve({
      port: this.#port,
      addresses: [`memory://${HOST}:${this.#port}`],
      refuseNew: () => {
        this.#isRefusing = true;
      },
      close: () => {
        this.#accept = undefined;
        for (const end of this.#serverEnds) end.close(0, 'the server closed its sockets');
        return Promise.resolve();
      },
    });
  }

  connect(handler: ConnectHandler): ConnectAttempt {
    let isCancelled = false;
    this.#clock.atEndOfTurn(() => {
      if (isCancelled) return;
      if (this.#accept === undefined) handler.onFailed({ reason: 'no server listens in this process' });
      else if (this.#isRefusing)
        handler.onFailed({ reason: 'the server in this process refuses new connections' });
      else this.#join(this.#accept, handler);
    });
    return {
      cancel() {
        isCancelled = true;
      },
    };
  }

  #join(accept: (transport: StreamTransport) => StreamListener, handler: ConnectHandler): void {
    const incarnation = this.#incarnation.toString(16).padStart(16, '0');
    const client = new InMemoryEnd(this.#clock, `${HOST}:${this.#port}`, incarnation);
    const server = new InMemoryEnd(this.#clock, `${HOST}:${FIRST_CLIENT_PORT + this.#connections++}`);
    this.#serverEnds.add(server);
    joinEnds(client, server, this.#limits, () => this.#serverEnds.delete(server));
    server.listen(accept(server));
    client.listen(handler.onTransport(client));
  }
}

const HOST = '127.0.0.1';
const FIRST_CLIENT_PORT = 50_000;

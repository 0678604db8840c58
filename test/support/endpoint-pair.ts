/**
 * A client's and a server's Endpoint joined by a wire that a test commands: time jumps to whatever happens next, and
 * every datagram can be looked at, dropped or changed on its way. Sans-IO: no sockets, no timers, no promises.
 */
import { crc32 } from 'node:zlib';
import { type Random } from '../../src/base/random.js';
import { simTokenProtection } from '../../src/sim/sim-endpoint.js';
import { type Connection } from '../../src/transport/connection/connection.js';
import { type ConnectionEvent } from '../../src/transport/connection/connection-event.js';
import {
  DEFAULT_TRANSPORT_OPTIONS,
  type TransportOptions,
} from '../../src/transport/connection/transport-options.js';
import {
  DEFAULT_ENDPOINT_LIMITS,
  Endpoint,
  type EndpointLimits,
  type EndpointMeans,
} from '../../src/transport/endpoint/endpoint.js';
import { TokenMemory } from '../../src/transport/endpoint/token-memory.js';
import { type Address } from '../../src/transport/path/path.js';
import {
  createPlaintextHandshake,
  plaintextHelloProtection,
} from '../../src/transport/protection/plaintext.js';
import { ProtocolVersion } from '../../src/transport/wire/version.js';

export type Side = 'client' | 'server';

export interface Flight {
  readonly from: Side;
  readonly bytes: Uint8Array;
  /** Where from and to, as the network sees it. */
  readonly source: Address;
  readonly target: Address;
  readonly sentAt: number;
}

export interface PairOptions {
  readonly client?: Partial<TransportOptions>;
  readonly server?: Partial<TransportOptions>;
  readonly serverLimits?: Partial<EndpointLimits>;
  readonly means?: Partial<EndpointMeans>;
  /** One way, ms. Default 5. */
  readonly delayMs?: number;
}

export const CLIENT_ADDRESS: Address = { ip: '10.0.0.1', port: 40_000 };
export const SERVER_ADDRESS: Address = { ip: '10.0.0.2', port: 5_005 };

export class EndpointPair {
  now = 1_000;
  readonly client: Endpoint;
  readonly server: Endpoint;
  readonly events: {
    readonly side: Side;
    readonly connection: Connection;
    readonly event: ConnectionEvent;
  }[] = [];
  readonly accepted: Connection[] = [];
  /** All datagrams ever sent, in order. */
  readonly flights: Flight[] = [];
  /** Of each datagram that arrived whether its memory was free afterwards. */
  readonly freed: boolean[] = [];
  /** Decides what becomes of a datagram: what it returns arrives, undefined is lost. Default: unchanged. */
  filter: (flight: Flight) => Uint8Array | undefined = ({ bytes }) => bytes;
  /** Says of which datagrams the sender's own system refuses the size: they do not leave. Default: of none. */
  isTooLarge: (flight: Flight) => boolean = () => false;
  delayMs: number;
  /** Where the client is: what is sent elsewhere finds nobody. Change it as a NAT or a new network does. */
  clientAddress: Address = CLIENT_ADDRESS;
  #onTheWay: { readonly flight: Flight; readonly bytes: Uint8Array; readonly at: number }[] = [];

  constructor(options: PairOptions = {}) {
    this.delayMs = options.delayMs ?? 5;
    const means = { ...testMeans(), ...options.means };
    const versions = [ProtocolVersion.PLAINTEXT] as const;
    this.client = new Endpoint(
      {
        role: 'client',
        versions,
        options: { ...DEFAULT_TRANSPORT_OPTIONS, ...options.client },
        limits: DEFAULT_ENDPOINT_LIMITS,
      },
      means,
    );
    this.server = new Endpoint(
      {
        role: 'server',
        versions,
        options: { ...DEFAULT_TRANSPORT_OPTIONS, ...options.server },
        limits: { ...DEFAULT_ENDPOINT_LIMITS, ...options.serverLimits },
      },
      means,
    );
  }

  connect(): Connection {
    return this.client.connect(SERVER_ADDRESS, 0, this.now);
  }

  /** Connects, and runs until both sides are ready. */
  establish(): { client: Connection; server: Connection } {
    const client = this.connect();
    this.run(() => client.isReady && this.accepted[0]?.isReady === true);
    const server = this.accepted[0];
    if (!client.isReady || server === undefined) throw new Error('not established');
    return { client, server };
  }

  /** Sends what both have to send, without letting time pass. */
  flush(): void {
    for (const side of ['client', 'server'] as const) {
      const endpoint = this[side];
      for (
        let sent = endpoint.pollTransmit(this.now);
        sent !== undefined;
        sent = endpoint.pollTransmit(this.now)
      ) {
        const flight: Flight = {
          from: side,
          bytes: sent.bytes.slice(0, sent.length),
          source: side === 'client' ? this.clientAddress : SERVER_ADDRESS,
          target: sent.remote,
          sentAt: this.now,
        };
        const isRefused = this.isTooLarge(flight);
        if (isRefused) endpoint.handleTooLarge(sent);
        endpoint.release(sent);
        if (isRefused) continue;
        this.flights.push(flight);
        const arriving = this.filter(flight);
        if (arriving !== undefined) {
          this.#onTheWay.push({ flight, bytes: arriving, at: this.now + this.delayMs });
        }
      }
      this.#drain(side);
    }
  }

  /** Hands a datagram in as if it had come over the wire. */
  deliver(
    to: Side,
    bytes: Uint8Array,
    from: Address = to === 'server' ? this.clientAddress : SERVER_ADDRESS,
  ): void {
    // Given away, as a driver does it: memory that is said to be free is used for something else.
    const own = bytes.slice();
    const isFree = this[to].handleDatagram(own, from, 0, this.now);
    if (isFree) own.fill(0xee);
    this.freed.push(isFree);
    this.#drain(to);
  }

  /** Lets things happen until `isDone`, or nothing is left to happen before `untilMs` of virtual time from now. */
  run(isDone: () => boolean = () => false, forMs = 60_000): void {
    const end = this.now + forMs;
    for (let step = 0; step < 1_000_000; step++) {
      this.flush();
      if (isDone()) return;
      const next = Math.min(
        this.client.pollTimeout(),
        this.server.pollTimeout(),
        ...this.#onTheWay.map(({ at }) => at),
      );
      if (next > end) {
        this.now = end;
        return;
      }
      this.now = Math.max(this.now, next);
      this.#arrive();
      this.client.handleTimeout(this.now);
      this.server.handleTimeout(this.now);
      if (isDone()) return;
    }
    throw new Error('a million steps');
  }

  eventsOf(side: Side, kind: ConnectionEvent['kind']): ConnectionEvent[] {
    return this.events.filter((e) => e.side === side && e.event.kind === kind).map((e) => e.event);
  }

  #arrive(): void {
    const due = this.#onTheWay.filter(({ at }) => at <= this.now);
    this.#onTheWay = this.#onTheWay.filter(({ at }) => at > this.now);
    for (const { flight, bytes } of due) {
      if (flight.from === 'client') this.deliver('server', bytes, flight.source);
      else if (isSameAddress(flight.target, this.clientAddress)) this.deliver('client', bytes);
    }
  }

  #drain(side: Side): void {
    for (let next = this[side].pollEvent(); next !== undefined; next = this[side].pollEvent()) {
      if (next.kind === 'accepted') this.accepted.push(next.connection);
      else if (next.kind === 'connection')
        this.events.push({ side, connection: next.connection, event: next.event });
    }
  }
}

function isSameAddress(one: Address, other: Address): boolean {
  return one.ip === other.ip && one.port === other.port;
}

/** Plaintext, and randomness that is the same in each run. */
export function testMeans(): EndpointMeans {
  return {
    random: countingRandom(),
    resetToken: tokenOf,
    tokenProtection: simTokenProtection(crc32, Uint8Array.of(1)),
    tokenMemory: new TokenMemory(),
    wallTime: () => 1.7e12,
    createHandshake: createPlaintextHandshake(crc32),
    helloProtection: plaintextHelloProtection(crc32),
    onHandshakeWake: () => undefined,
    onBufferRoom: () => undefined,
  };
}

/** Stands in for an HMAC: the same for the same ID, another one for another. */
export function tokenOf(id: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: 16 }, (_, index) => crc32(id, index) & 0xff);
}

function countingRandom(): Random {
  let state = 0x1234_5678;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 0x1_0000_0000;
  };
  return {
    bytes: (length) => Uint8Array.from({ length }, () => Math.floor(next() * 256)),
    fraction: next,
  };
}

/**
 * Sends packets on one connection, as many as asked for, through two endpoints and no network: each datagram is handed
 * over as soon as it leaves. Keeps nothing of them but what it counts, so that millions are no matter.
 */
import { Endpoint, DEFAULT_ENDPOINT_LIMITS } from '../../src/transport/endpoint/endpoint.js';
import { type Connection } from '../../src/transport/connection/connection.js';
import {
  DEFAULT_TRANSPORT_OPTIONS,
  type TransportOptions,
} from '../../src/transport/connection/transport-options.js';
import { ProtocolVersion } from '../../src/transport/wire/version.js';
import { CLIENT_ADDRESS, SERVER_ADDRESS, type Side, testMeans } from './endpoint-pair.js';
import { createKeyedHandshake, type PacketKeys } from './keyed-handshake.js';

export interface MillResult {
  readonly client: Connection;
  readonly server: Connection;
  /** The most packets that one side sent with the same key phase in a row. */
  readonly mostPacketsOfPhase: Readonly<Record<Side, number>>;
  readonly bytesRead: number;
}

/** Returns when the client has sent so many packets, each with a few bytes of a stream, or a connection has ended. */
export function millPackets(
  packets: number,
  keys: PacketKeys,
  options: Partial<TransportOptions>,
): MillResult {
  const mill = new Mill(keys, options);
  while (mill.client.stats.packetsSent < packets && mill.client.closed === undefined) mill.step();
  mill.settle();
  return mill.result();
}

class Mill {
  readonly client: Connection;
  readonly #endpoints: Readonly<Record<Side, Endpoint>>;
  readonly #phases = { client: new PhaseCount(), server: new PhaseCount() };
  readonly #stream: number;
  #server: Connection | undefined;
  #now = 1_000;
  #bytesRead = 0;

  constructor(keys: PacketKeys, options: Partial<TransportOptions>) {
    const means = testMeans();
    const createHandshake = createKeyedHandshake(means.createHandshake, keys);
    const endpoint = (role: Side): Endpoint =>
      new Endpoint(
        {
          role,
          versions: [ProtocolVersion.PLAINTEXT],
          options: { ...DEFAULT_TRANSPORT_OPTIONS, ...options },
          limits: DEFAULT_ENDPOINT_LIMITS,
        },
        { ...means, createHandshake },
      );
    this.#endpoints = { client: endpoint('client'), server: endpoint('server') };
    this.client = this.#endpoints.client.connect(SERVER_ADDRESS, 0, this.#now);
    for (let round = 0; round < 10; round++) this.#exchange();
    this.#stream = this.client.openStream() ?? NaN;
  }

  step(): void {
    this.client.writeStream(this.#stream, PIECE, false);
    this.#endpoints.client.touch(this.client);
    this.#exchange();
  }

  /** Lets both hear all that is to be heard. */
  settle(): void {
    for (let round = 0; round < 100; round++) this.#exchange();
  }

  result(): MillResult {
    if (this.#server === undefined) throw new Error('the server has no connection');
    return {
      client: this.client,
      server: this.#server,
      mostPacketsOfPhase: { client: this.#phases.client.most, server: this.#phases.server.most },
      bytesRead: this.#bytesRead,
    };
  }

  #exchange(): void {
    this.#now += STEP_MS;
    this.#deliver('client', 'server');
    this.#deliver('server', 'client');
    for (const endpoint of Object.values(this.#endpoints)) {
      if (endpoint.pollTimeout() <= this.#now) endpoint.handleTimeout(this.#now);
    }
  }

  #deliver(from: Side, to: Side): void {
    const sender = this.#endpoints[from];
    const address = from === 'client' ? CLIENT_ADDRESS : SERVER_ADDRESS;
    for (let sent = sender.pollTransmit(this.#now); sent; sent = sender.pollTransmit(this.#now)) {
      const bytes = sent.bytes.slice(0, sent.length);
      sender.release(sent);
      this.#phases[from].onDatagram(bytes);
      this.#endpoints[to].handleDatagram(bytes, address, 0, this.#now);
    }
    for (const side of [from, to]) this.#drain(side);
  }

  #drain(side: Side): void {
    const endpoint = this.#endpoints[side];
    for (let next = endpoint.pollEvent(); next !== undefined; next = endpoint.pollEvent()) {
      if (next.kind === 'accepted') this.#server = next.connection;
      if (next.kind !== 'connection' || next.event.kind !== 'streamReadable') continue;
      const { streamId } = next.event;
      for (let piece = next.connection.readStream(streamId); piece instanceof Uint8Array;) {
        this.#bytesRead += piece.length;
        piece = next.connection.readStream(streamId);
      }
      endpoint.touch(next.connection);
    }
  }
}

class PhaseCount {
  most = 0;
  #phase = 0;
  #count = 0;

  onDatagram([first = 0]: Uint8Array): void {
    if ((first & LONG_BIT) !== 0) return;
    const phase = first & PHASE_BIT;
    this.#count = phase === this.#phase ? this.#count + 1 : 1;
    this.#phase = phase;
    this.most = Math.max(this.most, this.#count);
  }
}

const PIECE = [new Uint8Array(16)];
const STEP_MS = 0.1;
const LONG_BIT = 0x80;
const PHASE_BIT = 0x04;
